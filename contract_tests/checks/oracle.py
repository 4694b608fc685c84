"""The oracle: asserts that one exchange, which a test has at hand, keeps the contract."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol

from ..contract import Contract, load_contract
from ..exchanges import Exchange
from ..wording import counted
from .acceptance import wrongly_accepted
from .adapters import read_answer, read_request
from .catalogue import examine
from .violations import Violation, shorten


class NonconformingError(AssertionError):
    """An answer that breaks the contract."""

    def __init__(self, contract: Contract, violations: tuple[Violation, ...]) -> None:
        super().__init__("\n".join(_lines(contract, violations)))
        self.violations = violations


class Oracle(Protocol):
    """What the fixture `rerank_oracle` is: see `assert_conforms`."""

    def __call__(
        self,
        request: object,
        response: object,
        *,
        strict: bool = False,
        revision: str | Path | None = None,
    ) -> None:
        """Raise `NonconformingError` if the contract does not allow the answer."""
        ...


def assert_conforms(
    request: object,
    response: object,
    *,
    strict: bool = False,
    revision: str | Path | None = None,
) -> None:
    """Raise `NonconformingError` if the contract does not allow the answer.

    `request` is that of httpx, requests, urllib or a call of the mock, or the body that was sent:
    an object, text or bytes. `response` is that of httpx, requests, urllib3, aiohttp (once it is
    read) or a call, or `(status, headers, body)`. Only a breach of what is published fails; with
    `strict` also a difference from what was seen on the live service. `revision` is the name or
    the folder of a revision of the contract, by default the newest.

    Raises `TypeError` for a request or an answer that cannot be read, `ValueError` for a request
    that is not a rerank request, and `RevisionError` for an unknown revision.
    """
    __tracebackhide__ = True
    contract = contract_of(revision)
    sent, key = read_request(request)
    exchange = Exchange(sent, read_answer(response, key))
    levels = {"spec", "observed"} if strict else {"spec"}
    _, found = examine(contract, exchange)
    violations = tuple(
        violation
        for violation in (*found, *wrongly_accepted(contract, exchange))
        if violation.requirement in contract.requirements
        and contract.requirements[violation.requirement].level in levels
    )
    if violations:
        raise NonconformingError(contract, violations)


@cache
def contract_of(revision: str | Path | None) -> Contract:
    """A revision, read once: a test suite may ask for every answer."""
    return load_contract(revision)


def _lines(contract: Contract, violations: tuple[Violation, ...]) -> Iterator[str]:
    exchange = violations[0].exchanges[-1]
    count = counted(len(violations), "requirement")
    yield f"the answer breaks {count} of the contract"
    for violation in violations:
        requirement = contract.requirements[violation.requirement]
        yield ""
        yield f"{requirement.id} ({requirement.level}): {requirement.sentence}"
        yield f"  expected {violation.expected}"
        yield f"  received {violation.received}"
    sent = (exchange.request.content or b"").decode(errors="replace")
    yield ""
    yield f"sent     {shorten(sent)}"
    yield f"answered {exchange.answer.status} {shorten(exchange.answer.text)}"
