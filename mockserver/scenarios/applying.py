"""A step of a scenario is played: in place of the usual answer, or around it."""

from collections.abc import Callable
from dataclasses import replace

from ..behaviour import Behaviour
from ..contract import ERRORS, Refusal
from ..wire import Delivery, Response
from .scenario import PLACES, Edit, Step


def apply_step(behaviour: Behaviour, step: Step, usual: Callable[[Edit], Response]) -> Response:
    """Return the answer of the step; `usual` is asked for the one that the step changes."""
    try:
        response = _instead(behaviour, step) or usual(step.answer)
    except Refusal as refusal:
        response = refusal.response
    headers = {**response.headers, **step.headers}
    length = len(response.body)
    return replace(
        response,
        status=step.status or response.status,
        headers={name: value for name, value in headers.items() if value is not None},
        body=response.body[: length if step.cut is None else int(length * step.cut)],
        delivery=Delivery(
            delay=step.delay,
            pieces=step.drip.pieces if step.drip else 1,
            pause=step.drip.pause if step.drip else 0.0,
            close=step.close,
        ),
    )


def _instead(behaviour: Behaviour, step: Step) -> Response | None:
    """Return the answer of a step that needs no other; a connection that is refused serves none."""
    if step.error is not None:
        family = behaviour.not_found_body if step.error == "not_found" else None
        return ERRORS[step.error].response(family=family, **{**PLACES, **step.places})
    if step.body is not None:
        return Response(200, {"content-type": "application/json"}, step.body.encode())
    return Response(503, {}, b"") if step.close == "refused" else None
