"""Finds out whether answers keep their shape on the way back, by the checks of `check`."""

from collections.abc import Iterator
from dataclasses import replace

from ..checks.catalogue import examine
from ..checks.violations import Violation
from ..contract import Contract
from ..wording import counted
from .findings import Notes, Verdict
from .passages import Passage, tags
from .session import Session

#: What begins so is a matter of shape, unless a check of its own judges it or it is a freedom.
_SHAPE = ("response.",)
_NOT_SHAPE = (
    *("response.header.trace_id", "response.id.", "response.meta.tokens"),
    *("response.results.sorted", "response.results.complete", "response.results.index.range"),
    *("response.results.index.unique", "response.results.relevance_score.range"),
)


def judge_shapes(session: Session, notes: Notes) -> None:
    """Say what answers break of the contract that upstream's have kept."""
    broken: dict[str, list[tuple[Violation, Passage]]] = {}
    answered = 0
    for passage in session.passages:
        # What upstream sent there was broken on purpose.
        if passage.status == 200 and not session.lost & set(tags(passage.front)):
            answered += 1
            for violation in _lost(session.contract, passage):
                broken.setdefault(violation.requirement, []).append((violation, passage))
    if not answered:
        return
    if not broken:
        says = f"as upstream's, in {counted(answered, 'answer')}"
        notes.add("answer.shape", Verdict.KEPT, says)
        return
    (violation, passage), *others = next(iter(broken.values()))
    says = f"expected {violation.expected}; received: {violation.received}"
    many = f" ({len(others) + 1} of {counted(answered, 'answer')})"
    more = f"; also {', '.join(list(broken)[1:])}" if len(broken) > 1 else ""
    notes.add("answer.shape", Verdict.BROKEN, f"{says}{many}{more}", passage)


def _lost(contract: Contract, passage: Passage) -> Iterator[Violation]:
    """What the answer at the front breaks, and none of upstream's does; once for each rule."""
    # The checks know a call by its path below the base URL.
    calls = [replace(call, request=replace(call.request, path="/rerank")) for call in passage.calls]
    known = {violation.requirement for call in calls for violation in examine(contract, call)[1]}
    for violation in examine(contract, passage.front)[1]:
        name = violation.requirement
        if name.startswith(_SHAPE) and not name.startswith(_NOT_SHAPE) and name not in known:
            known.add(name)
            yield violation
