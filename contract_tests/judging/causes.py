"""Causes: failures that have the answer and its trigger in common are one fault of the target."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..checks.violations import Violation
from ..contract import Contract
from ..exchanges import Credential, Request, is_array, is_object, member
from .connection import seen

#: Fields without which nothing can be asked: that they are there sets no request apart.
ALWAYS = ("model", "query", "documents")
#: Sizes that set a request apart, in bytes and in documents.
LONG, MANY = (1_000, 10_000, 100_000), (10, 30, 100, 300)


@dataclass(frozen=True)
class Cause:
    """One fault of the target, and the requirements that it breaks."""

    #: The requests that show it, such as `every request with top_n`.
    trigger: str
    #: What they are answered with, in one line.
    answer: str
    #: The requirement to look at first.
    root: str
    #: The others that it breaks, in the order of the contract.
    others: tuple[str, ...]


def causes(
    contract: Contract, violations: Mapping[str, Sequence[Violation]], accepted: Collection[str]
) -> tuple[Cause, ...]:
    """Group violations by requirement: the cause of most failures first.

    `accepted` are the traits of all requests that were answered as they should be: none of them is
    a trigger. What breaks a single requirement has a cause only if a field is refused altogether.
    """
    #: Trait and answer -> requirement -> what shows that it is broken.
    shown: dict[tuple[str, str], dict[str, Violation]] = defaultdict(dict)
    for requirement, found in violations.items():
        for violation in found:
            exchange = violation.exchanges[-1]
            if exchange.answer.status != 200:
                alike = re.sub(r"[0-9a-f-]*\d[0-9a-f-]*", "#", seen(exchange.answer))
                for trait in set(traits(exchange.request)).difference(accepted):
                    shown[trait, alike].setdefault(requirement, violation)
    return tuple(_greatest_first(contract, shown))


def _greatest_first(
    contract: Contract, shown: dict[tuple[str, str], dict[str, Violation]]
) -> Iterator[Cause]:
    while shown:
        # Of what explains as much, a field says more than a model or a size.
        trait, alike = max(
            shown, key=lambda one: (len(shown[one]), one[0].startswith("with "), one)
        )
        group = shown[trait, alike]
        if len(group) < 2 and not trait.startswith("with "):
            return
        root, *others = sorted(group, key=lambda name: _place(contract, trait, name))
        answer = seen(group[root].exchanges[-1].answer)
        yield Cause(f"every request {trait}".strip(), answer, root, tuple(others))
        left = {
            one: {name: found for name, found in broken.items() if name not in group}
            for one, broken in shown.items()
        }
        shown = {one: broken for one, broken in left.items() if broken}


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
    if isinstance(request.body, bytes):
        yield "whose body is bytes"
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
