"""A check: a function that looks at one exchange and yields what is wrong with it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from ..contract import Contract
from ..exchanges import Exchange
from .violations import Violation

#: What was expected and what came instead.
Finding: TypeAlias = tuple[str, str]
Predicate: TypeAlias = Callable[[Exchange], bool]


@dataclass(frozen=True)
class Check:
    """A function from an exchange to violations, and when it has something to say."""

    #: Ids that its violations may bear.
    requirements: Callable[[Contract], frozenset[str]]
    speaks_of: Predicate
    find: Callable[[Contract, Exchange], Iterator[Violation]]


def asked(exchange: Exchange) -> bool:
    """It went to the endpoint itself."""
    return (exchange.request.method, exchange.request.path) == ("POST", "/rerank")


def succeeded(exchange: Exchange) -> bool:
    """The endpoint answered 200 to a body that it could rank."""
    return asked(exchange) and exchange.answer.status == 200 and bool(exchange.documents)


def parsed(exchange: Exchange) -> bool:
    """The endpoint answered 200 with JSON."""
    return succeeded(exchange) and exchange.answer.is_json


def ranked(exchange: Exchange) -> bool:
    """The endpoint answered readable documents with a well-formed ranking."""
    return bool(exchange.documents) and exchange.ranking is not None


def refused(exchange: Exchange) -> bool:
    """The answer is an error."""
    return exchange.answer.status >= 400


def check(
    requirement: str, speaks_of: Predicate
) -> Callable[[Callable[[Exchange], Iterator[Finding]]], Check]:
    """Make a function that yields findings the check of `requirement`."""

    def make(find: Callable[[Exchange], Iterator[Finding]]) -> Check:
        def violations(_: Contract, exchange: Exchange) -> Iterator[Violation]:
            for expected, received in find(exchange):
                yield Violation(requirement, expected, received, (exchange,))

        return Check(lambda _: frozenset({requirement}), speaks_of, violations)

    return make
