"""What is tried, in which order."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ..exchanges import Exchange
from ..targets import HttpTarget
from ..wording import counted
from .failures import try_failures
from .fields import try_fields
from .findings import CHECKS, Notes, Report, Verdict
from .passages import ranking_faults
from .rankings import judge_ids, try_rankings, try_texts
from .session import GoneError, Session
from .shapes import judge_shapes
from .sharing import (
    judge_calls,
    judge_keys,
    judge_models,
    measure,
    try_cache,
    try_callers,
    try_cancelling,
    try_keys,
)


@dataclass(frozen=True)
class Part:
    """One part of what is tried."""

    act: Callable[[Session, Notes], None]
    #: The checks that it is for, or what their ids begin with.
    checks: tuple[str, ...]


#: Failures come last: after some, gateways leave upstream alone for a while.
PARTS = (
    Part(try_fields, ("field", "answer.shape")),
    Part(try_texts, ("text",)),
    Part(try_rankings, ("ranking", "answer", "key", "calls.once")),
    Part(try_keys, ("key",)),
    Part(try_callers, ("sharing.concurrent",)),
    Part(try_cache, ("sharing.cache",)),
    Part(try_failures, ("failure", "key", "calls")),
    Part(judge_shapes, ("answer.shape",)),
    Part(judge_ids, ("answer.id", "answer.trace_id")),
    Part(judge_models, ("field.model",)),
    Part(judge_calls, ("calls.once",)),
    Part(judge_keys, ("key",)),
)


def run(
    session: Session,
    upstream: str,
    direct: HttpTarget,
    impatient: HttpTarget,
    wanted: Collection[str] = tuple(CHECKS),
) -> Report:
    """Find everything out, or only what is wanted."""
    notes = Notes()
    trouble = _trouble(session)
    try:
        if not trouble:
            for part in PARTS:
                if any(_is_for(part, check) for check in wanted):
                    part.act(session, notes)
            if len(wanted) == len(CHECKS):
                try_cancelling(session, notes, impatient)
                measure(session, notes, direct)
            for check in CHECKS:
                notes.add(check, Verdict.NOT_SEEN, "nothing has shown it")
    except GoneError as error:
        sent = counted(len(session.passages), "request")
        trouble = f"the gateway takes no connections any more, after {sent}: {error}"
    return Report(
        target=session.front.base_url,
        upstream=upstream,
        findings=tuple(each for each in notes.findings() if each.check in wanted),
        freedoms=tuple(notes.freedoms),
        rows=tuple(notes.rows),
        failures=tuple(notes.failures),
        latency=notes.latency,
        requests=len(session.passages),
        calls=len(session.calls),
        trouble=trouble,
    )


def _is_for(part: Part, check: str) -> bool:
    return any(f"{check}.".startswith(f"{front}.") for front in part.checks)


def _trouble(session: Session) -> str:
    """Why nothing can be found out: the plainest request does not pass."""
    passage = session.send(session.body())
    answer = passage.front.answer
    if passage.succeeded:
        session.usual = {each.aspect for each in ranking_faults(passage) if each.aspect == "score"}
        return ""
    asked = passage.calls or session.calls
    if asked:
        seen = f"upstream was asked for {_paths(asked)}"
    else:
        seen = "upstream was not asked: is the gateway configured to ask it?"
    if passage.caller_key_at:
        seen += ", with the caller's key"
    said = f"{answer.status} {answer.text}" if answer.status else answer.text
    return f"the plainest request does not pass: the gateway answered {said:.300}; {seen}"


def _paths(calls: Sequence[Exchange]) -> str:
    return ", ".join(
        dict.fromkeys(f"{call.request.path}, and answered {call.answer.status}" for call in calls)
    )
