"""Apply a step of a scenario: instead of the usual answer, or to it."""

from dataclasses import replace

from ..behaviour import Behaviour
from ..contract import Contract
from ..wire import Delivery, Response
from .scenario import PLACES, Step


def answer_instead(contract: Contract, behaviour: Behaviour, step: Step) -> Response | None:
    """Return the answer of a step that replaces the usual one, or None."""
    if step.error is not None:
        family = behaviour.not_found_body if step.error == "not_found" else None
        error = contract.errors[step.error]
        return error.response(family=family, **{**PLACES, **step.places})
    if step.body is not None:
        return Response(200, {"content-type": "application/json"}, step.body.encode())
    return Response(503, {}, b"") if step.answers_itself else None


def apply_step(step: Step, response: Response) -> Response:
    """Return the answer as the step changes and delivers it."""
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
