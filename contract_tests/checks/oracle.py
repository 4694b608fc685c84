"""The judge's word on one exchange that a test has at hand."""

from collections.abc import Iterator
from typing import Protocol

from ..contract import DOCUMENTS, REQUIREMENTS, breaches, model_named
from ..exchanges import Exchange, is_object, member
from .catalogue import examine
from .library_adapters import read_answer, read_request
from .violations import Violation, shorten


class NonconformingError(AssertionError):
    """An answer breaks the contract."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__("\n".join(_told(violations)))
        self.violations = violations


class Oracle(Protocol):
    """What the fixture ``rerank_oracle`` is: see :func:`assert_conforms`."""

    def __call__(self, request: object, response: object, *, strict: bool = False) -> None:
        """Raise :class:`NonconformingError` if the answer breaks the contract."""
        ...


def assert_conforms(request: object, response: object, *, strict: bool = False) -> None:
    """Raise :class:`NonconformingError` if the answer is none that the contract allows.

    ``request`` is that of httpx, requests, urllib or a call of the mock, or the body that was
    sent: an object, text or bytes. ``response`` is that of httpx, requests, urllib3, aiohttp (once
    it is read) or a call, or ``(status, headers, body)``. Only what is published fails; with
    ``strict`` also what was seen on the live service. Raises ``TypeError`` for what cannot be read
    and ``ValueError`` for a request that is no rerank request.
    """
    __tracebackhide__ = True
    sent, key = read_request(request)
    exchange = Exchange(sent, read_answer(response, key))
    levels = {"spec", "observed"} if strict else {"spec"}
    _, found = examine(exchange)
    violations = tuple(
        violation
        for violation in (*found, *_accepted(exchange))
        if REQUIREMENTS[violation.requirement].level in levels
    )
    if violations:
        raise NonconformingError(violations)


def _accepted(exchange: Exchange) -> Iterator[Violation]:
    """Violations where a request that breaks the contract was answered like any other."""
    body, status = exchange.request.body, exchange.answer.status
    if status >= 300:
        return
    received = f"status {status}"
    if isinstance(body, bytes):
        expected = f"a refusal of {shorten(body.decode(errors='replace'))}"
        yield Violation("request.body.json", expected, received, (exchange,))
        return
    model = member(body, "model")
    form = model_named(model).form if isinstance(model, str) else "classic"
    # An optional field that is null counts as absent to most.
    required = DOCUMENTS[f"request.{form}"]["required"]
    if is_object(body):
        body = {k: v for k, v in body.items() if v is not None or k in required}
    for breach in breaches(f"request.{form}", body):
        place = f"{shorten(breach.received)} at {breach.path}"
        expected = f"a refusal of {place}, which breaks {breach.expected}"
        yield Violation(breach.requirement, expected, received, (exchange,))


def _told(violations: tuple[Violation, ...]) -> Iterator[str]:
    exchange = violations[0].exchanges[-1]
    count = "1 requirement" if len(violations) == 1 else f"{len(violations)} requirements"
    yield f"the answer breaks {count} of the contract"
    for violation in violations:
        requirement = REQUIREMENTS[violation.requirement]
        yield ""
        yield f"{requirement.id} ({requirement.level}): {requirement.sentence}"
        yield f"  expected {violation.expected}"
        yield f"  received {violation.received}"
    sent = (exchange.request.content or b"").decode(errors="replace")
    yield ""
    yield f"sent     {shorten(sent)}"
    yield f"answered {exchange.answer.status} {shorten(exchange.answer.text)}"
