"""Finds out what callers learn when upstream fails, and how often it is asked again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ..contract import AnyJson
from ..exchanges import Answer, member
from ..targets import HttpTarget
from ..wording import counted
from .findings import FailureRow, Freedom, Notes, Verdict
from .passages import Passage, tags
from .session import Session

#: Most calls for one request while upstream fails.
MOST_CALLS = 10
#: Seconds that upstream asks the caller to wait.
RETRY_AFTER = 2
#: How often it is tried, once a second, whether a gateway asks upstream again after a failure.
RESTS = 60
_SERVER = frozenset(range(500, 600))
#: What callers take a wrong status for.
_SAYS = {
    200: "which says that all is well",
    401: "which says that the caller's key is wrong",
    403: "which says that the caller may not do this",
    500: "which says that to come again is of no use",
    **dict.fromkeys((429, 502, 503, 504), "which says that to come again may help"),
}
#: What is wrong with a server error, or with being asked to come again, where that depends on the
#: check.
_SAYS_OF = {
    "failure.request": "which says that the gateway failed; the caller cannot correct the request",
    "failure.rate_limited": "which hides the rate limit",
}
_NEVER = Answer(0, {}, b"", cut="upstream never answers")
#: Where callers can live with a connection that is closed without an answer.
_MAY_CLOSE = ("failure.connection", "failure.hanging")
#: What tells a client to come again.
_COME_AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Failure:
    """One way in which upstream fails."""

    #: The check that it is for, and its own name.
    check: str
    name: str
    #: The step of a scenario, without how often.
    step: Mapping[str, AnyJson]
    #: Statuses that a caller can act on.
    right: Collection[int]
    #: Whether a body that is passed on as it came is a difference and no fault.
    is_garbage: bool = False
    #: Whether upstream never answers.
    is_hanging: bool = False


_RETRY_AFTER = {"headers": {"retry-after": str(RETRY_AFTER)}}
#: In the order in which they are tried: after the worst a gateway may rest.
FAILURES = (
    Failure("failure.request", "400", {"error": "parameter_rule"}, {400, 422}),
    Failure(
        "failure.balance", "402", {"error": "balance_insufficient_payment"}, {402, 403} | _SERVER
    ),
    Failure("failure.balance", "403", {"error": "balance_insufficient"}, {402, 403} | _SERVER),
    Failure(
        "failure.model", "403 for a model", {"error": "model_disabled"}, {400, 403, 404} | _SERVER
    ),
    Failure(
        "failure.garbage",
        "HTML with 200",
        {"body": "<html>Sign in</html>", "headers": {"content-type": "text/html"}},
        _SERVER,
        is_garbage=True,
    ),
    Failure(
        "failure.garbage",
        "an error with 200",
        {"error": "overloaded", "status": 200},
        _SERVER,
        is_garbage=True,
    ),
    Failure("failure.garbage", "half a body", {"cut": 0.5}, _SERVER, is_garbage=True),
    Failure(
        "failure.garbage",
        "no results",
        {"answer": {"without": ["results"]}},
        _SERVER,
        is_garbage=True,
    ),
    Failure("failure.rate_limited", "429", {"error": "rate_limited", **_RETRY_AFTER}, {429, 503}),
    Failure("failure.overloaded", "503", {"error": "overloaded", **_RETRY_AFTER}, _COME_AGAIN),
    Failure("failure.timeout", "504", {"error": "gateway_timeout"}, {408, *_COME_AGAIN}),
    Failure("failure.connection", "a closed connection", {"close": "before_answer"}, _SERVER),
    Failure("failure.connection", "a reset connection", {"close": "reset"}, _SERVER),
    Failure("failure.hanging", "no answer", {"delay": 3600}, {408, *_COME_AGAIN}, is_hanging=True),
    Failure("failure.key", "401", {"error": "key_invalid"}, _SERVER),
)


def try_failures(session: Session, notes: Notes) -> None:
    """Have upstream fail in each way, first once and then every time."""
    known = {None, *(error["id"] for error in session.contract.errors)}
    for failure in FAILURES:
        if failure.step.get("error") in known:
            _try(session, notes, failure)
    _try_once(session, notes, "a 503", {"error": "overloaded"})
    _try_once(session, notes, "a lost connection", {"close": "before_answer"})


def _try(session: Session, notes: Notes, failure: Failure) -> None:
    patience = session.patience
    front = patience.front if failure.is_hanging else session.front
    passage = _send(session, {**failure.step, "times": MOST_CALLS + 1}, front)
    if failure.is_hanging:
        # The journal has the answers that were never sent.
        calls = tuple(replace(call, answer=_NEVER) for call in passage.calls)
        passage = replace(passage, calls=calls)
        # What still waits for one would keep the gateway busy.
        session.upstream.relay.drop()
    if len(passage.calls) > MOST_CALLS:
        # Upstream has given in.
        verdict = Verdict.NOT_SEEN
        says = f"upstream is asked {counted(len(passage.calls), 'time')}, until it answers"
        _note_calls(notes, failure, passage)
    elif passage.calls:
        verdict, says = _judged(session, failure, passage)
        _note_retry_after(notes, failure, passage)
        _note_calls(notes, failure, passage)
    else:
        verdict = Verdict.NOT_SEEN
        says = f"the gateway answers {passage.status}, and upstream is not asked"
    notes.add(failure.check, verdict, f"{failure.name} -> {says}", passage)
    passed_back = str(passage.status or "no answer")
    notes.failures.append(FailureRow(failure.name, passed_back, len(passage.calls), verdict))
    _rest(session, notes, failure)


def _judged(session: Session, failure: Failure, passage: Passage) -> tuple[Verdict, str]:
    status, answer = passage.status, passage.front.answer
    right = failure.right
    if failure.check == "failure.key" and session.caller_key is None:
        # It is the caller's own key that upstream refuses.
        right = {401, *right}
    last = passage.calls[-1].answer
    if status in right:
        return _message(failure, answer, last)
    if status == 0:
        return _silence(session, failure, answer.text)
    if status == 200 and passage.front.ranking is not None:
        return Verdict.BROKEN, "the caller gets a ranking that upstream never gave"
    if failure.is_garbage and status == 200 and answer.body == last.body:
        return Verdict.DIFFERS, "passed on as it came"
    says = _SAYS.get(status, "which says something else")
    if status == 429 or status in _SERVER:
        says = _SAYS_OF.get(failure.check, says)
    return Verdict.BROKEN, f"{status} comes, {says}"


def _message(failure: Failure, answer: Answer, last: Answer) -> tuple[Verdict, str]:
    message = member(last.json, "message") or last.json
    if failure.is_hanging:
        return Verdict.KEPT, str(answer.status)
    if isinstance(message, str) and message in answer.text:
        return Verdict.KEPT, f"{answer.status}, with the message of upstream"
    # Only that one tells the caller what to correct.
    verdict = Verdict.DIFFERS if failure.check == "failure.request" else Verdict.KEPT
    return verdict, f"{answer.status}, without the message of upstream"


def _silence(session: Session, failure: Failure, trouble: str) -> tuple[Verdict, str]:
    patience = session.patience
    if failure.is_hanging and "ReadTimeout" in trouble:
        says = f"no answer comes within {counted(patience.seconds, 'second')}"
        if patience.is_named:
            return Verdict.BROKEN, says
        return Verdict.DIFFERS, f"{says}; --upstream-timeout says how long it may take"
    verdict = Verdict.DIFFERS if failure.check in _MAY_CLOSE else Verdict.BROKEN
    return verdict, f"no answer comes: {trouble}"


def _note_retry_after(notes: Notes, failure: Failure, passage: Passage) -> None:
    if "retry-after" not in failure.step.get("headers", {}) or passage.status not in (429, 503):
        return
    given = passage.front.answer.headers.get("retry-after")
    if given is None:
        verdict, says = Verdict.BROKEN, "Retry-After is lost"
    elif given.isdecimal() and int(given) < RETRY_AFTER:
        verdict, says = Verdict.BROKEN, f"Retry-After becomes {given} where it was {RETRY_AFTER}"
    else:
        verdict, says = Verdict.KEPT, f"Retry-After: {given}"
    notes.add("failure.retry_after", verdict, f"{failure.name} -> {says}", passage)


def _note_calls(notes: Notes, failure: Failure, passage: Passage) -> None:
    calls = len(passage.calls)
    verdict = Verdict.KEPT if calls <= MOST_CALLS else Verdict.BROKEN
    says = f"{failure.name}: upstream is asked {counted(calls, 'time')}"
    notes.add("calls.bounded", verdict, says, passage)


def _rest(session: Session, notes: Notes, failure: Failure) -> None:
    """Wait until the gateway asks upstream again: it may leave it alone for a while."""
    began, seconds, about = session.clock(), 0, "about"
    while not session.send(session.body(1)).succeeded:
        seconds = max(round(session.clock() - began), 1)
        if seconds >= RESTS or not session.pause(1.0):
            about = "over"
            break
    if seconds:
        question = f"How long does it leave upstream alone after {failure.name}?"
        seen = f"{about} {counted(seconds, 'second')}"
        notes.freedoms.append(Freedom("rest", question, seen))


def _try_once(session: Session, notes: Notes, name: str, step: Mapping[str, AnyJson]) -> None:
    passage = _send(session, {**step, "times": 1})
    calls = len(passage.calls)
    again = f"asked {counted(calls, 'time')}, " if calls > 1 else "not asked again, "
    paid = ", which may be paid twice" if "close" in step and calls > 1 else ""
    seen = f"{again}and the caller gets {passage.status or 'no answer'}{paid}"
    notes.freedoms.append(Freedom("asked_again", f"What follows {name}?", seen))


def _send(session: Session, step: AnyJson, front: HttpTarget | None = None) -> Passage:
    """Send a request that upstream fails to answer."""
    session.upstream.arm(step)
    passage = session.send(session.body(), front=front)
    session.upstream.disarm()
    session.lost.update(tags(passage.front))
    return passage
