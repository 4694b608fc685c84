"""Causes: failures that have the answer and its trigger in common are one fault of the target."""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..checks.violations import Violation
from ..contract import Contract
from ..exchanges import Credential, Exchange, Request, is_array, is_object, member
from .connection import seen

#: Fields without which nothing can be asked: that they are there sets no request apart.
ALWAYS = ("model", "query", "documents")
#: Sizes that set a request apart, in bytes and in documents.
LONG, MANY = (1_000, 10_000, 100_000), (10, 30, 100, 300)


@dataclass(frozen=True)
class Cause:
    """One fault of the target, and the requirements that rest on it."""

    #: The requests that show it, such as `every request with top_n`.
    trigger: str
    #: What they are answered with, in one line.
    answer: str
    #: The requirement to look at first.
    root: str
    #: The others that it breaks, in the order of the contract.
    others: tuple[str, ...]
    #: Those that could not be tried because of it, in the order of the contract.
    untried: tuple[str, ...] = ()


def causes(
    contract: Contract,
    violations: Mapping[str, Sequence[Violation]],
    accepted: Collection[str],
    hindered: Mapping[str, Exchange],
) -> tuple[Cause, ...]:
    """Group violations by requirement: the cause of most failures first.

    `accepted` are the traits of all requests that were answered as they should be: none of them is
    a trigger. `hindered` are requirements that could not be tried, each with the exchange that
    showed it. What breaks a single requirement has a cause only if a field is refused altogether.
    """
    #: Requirement -> the exchanges that show that it is broken, or could not be tried.
    exchanges = {
        **{name: [exchange] for name, exchange in hindered.items()},
        **{name: [one.exchanges[-1] for one in found] for name, found in violations.items()},
    }
    #: Trait and answer -> requirement -> an exchange that shows it.
    shown: dict[tuple[str, str], dict[str, Exchange]] = defaultdict(dict)
    for name, found in exchanges.items():
        # What fails in other ways too does not rest on one of them.
        first, *others = (_marks(exchange, accepted) for exchange in found)
        for mark in first.intersection(*others):
            shown[mark][name] = found[0]
    return tuple(_greatest_first(contract, shown, violations))


def _marks(exchange: Exchange, accepted: Collection[str]) -> set[tuple[str, str]]:
    """Each trait of the request with its answer, but for numbers; none where that is a 200."""
    if exchange.answer.status == 200:
        return set()
    alike = re.sub(r"[0-9a-f-]*\d[0-9a-f-]*", "#", seen(exchange.answer))
    return {(trait, alike) for trait in set(traits(exchange.request)).difference(accepted)}


def _greatest_first(
    contract: Contract,
    shown: Mapping[tuple[str, str], Mapping[str, Exchange]],
    broken: Collection[str],
) -> Iterator[Cause]:
    left = {mark: group for mark, group in shown.items() if group.keys() & broken}
    if not left:
        return
    # Of what explains as much, a field says more than a model or a size.
    trait, alike = max(left, key=lambda mark: (len(left[mark]), mark[0].startswith("with "), mark))
    group = left[trait, alike]
    if len(group) < 2 and not trait.startswith("with "):
        return
    ordered = sorted(group, key=lambda name: _place(contract, trait, name))
    root, *others = (name for name in ordered if name in broken)
    untried = (name for name in ordered if name not in broken)
    answer = seen(group[root].answer)
    yield Cause(f"every request {trait}".strip(), answer, root, tuple(others), tuple(untried))
    rest = {
        mark: {name: exchange for name, exchange in found.items() if name not in group}
        for mark, found in left.items()
    }
    yield from _greatest_first(contract, rest, broken)


def _place(contract: Contract, trait: str, requirement: str) -> tuple[bool, bool, int]:
    """What to sort by: what says that the field is supported, what else speaks of it, the rest."""
    field = "documents" if trait.endswith("one string") else trait.rpartition(" ")[2]
    roots = (f"request.{field}.supported", "request.documents.string", "endpoint.rerank")
    of_field = requirement.startswith(f"request.{field}.")
    return requirement not in roots, not of_field, list(contract.requirements).index(requirement)


def traits(request: Request) -> Iterator[str]:
    """What sets a request apart from others, each as the end of `every request …`."""
    yield ""
    if request.credential is Credential.NONE:
        yield "without a key"
    elif request.credential not in (Credential.KEY, Credential.SECOND_KEY):
        yield "with a wrong key"
    if isinstance(request.body, bytes) and not _is_json(request.body):
        yield "whose body is not JSON"
    if not is_object(request.body):
        return
    yield from (f"with {name}" for name in request.body if name not in ALWAYS)
    model, documents = (member(request.body, name) for name in ("model", "documents"))
    if isinstance(model, str):
        yield f"to {model}"
    if isinstance(documents, str):
        yield "whose documents are one string"
    size = len(request.content or b"")
    yield from (f"of more than {bound:,} bytes" for bound in LONG if size > bound)
    if is_array(documents):
        count = len(documents)
        yield from (f"with more than {bound} documents" for bound in MANY if count > bound)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
