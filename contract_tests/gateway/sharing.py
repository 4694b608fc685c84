"""Finds out what callers share at a gateway: keys, calls, answers, and time."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from statistics import median, quantiles

from ..contract import AnyJson
from ..exchanges import Credential, Request, member
from ..redaction import SHORTEST_SECRET
from ..targets import HttpTarget, UnreachableError
from ..wording import counted
from .findings import Freedom, Latency, Notes, Verdict
from .passages import Passage, Tag, cases, scores_of, tags
from .session import Session

#: Callers that ask at the same time, and the longest time that upstream takes for one, in seconds.
CALLERS, LONGEST = 8, 0.1
#: Requests whose time is measured on each way.
MEASURED = 15
#: Seconds that upstream takes for a call that is cancelled, and how long is waited to see it.
CANCELLED, LOOKING = 3.0, 1.5


def try_keys(session: Session, notes: Notes) -> None:
    """Send a key that nobody has given out."""
    passage = session.send(session.body(), credential=Credential.INVALID)
    says = f"it is answered {passage.status or passage.front.answer.text}"
    if passage.status in (401, 403):
        verdict = Verdict.KEPT
    elif passage.status == 200:
        # A gateway may serve everybody in its network; who names a key of callers expects a check.
        verdict = Verdict.DIFFERS if session.caller_key is None else Verdict.BROKEN
    else:
        verdict = Verdict.DIFFERS
    notes.add("key.required", verdict, says, passage)


def judge_keys(session: Session, notes: Notes) -> None:
    """Say whether a key was seen where it must not be, in all that was sent."""
    if session.caller_key is None:
        for check in ("key.caller", "key.upstream"):
            says = "the caller sends upstream's key, for the gateway to pass on"
            notes.add(check, Verdict.NOT_SEEN, says)
        return
    for check, key in (("key.caller", session.caller_key), ("key.upstream", session.upstream.key)):
        if len(key) < SHORTEST_SECRET:
            says = f"a key of less than {SHORTEST_SECRET} letters stands in texts by chance"
            notes.add(check, Verdict.NOT_SEEN, says)
        else:
            notes.add(check, Verdict.KEPT, f"not in {counted(len(session.passages), 'request')}")
    for passage in session.passages:
        if seen := passage.caller_key_at:
            says = f"upstream gets it in {seen}"
            notes.add("key.caller", Verdict.BROKEN, says, passage)
        if seen := passage.upstream_key_at:
            says = f"the caller gets it in {seen}"
            notes.add("key.upstream", Verdict.BROKEN, says, passage)


def judge_models(session: Session, notes: Notes) -> None:
    """Say whether upstream was always asked for the model that was meant."""
    #: The number of a request -> the models that it was sent for.
    models: defaultdict[int, set[str]] = defaultdict(set)
    for passage in session.passages:
        own = set(tags(passage.front))
        if session.lost & own:
            # While upstream fails, a gateway may turn to another model.
            continue
        meant = session.models[passage.front.request.body["model"]]
        # A call that is repeated late is for the model of an earlier request.
        known = {meant}.union(*(models[case] for case, _ in own))
        for case, _ in own:
            models[case].add(meant)
        for call in passage.calls:
            got = member(call.request.body, "model")
            if got not in known:
                says = f"upstream is asked for {got} where {meant} was meant"
                notes.add("field.model", Verdict.BROKEN, says, passage)
                return


def judge_calls(session: Session, notes: Notes) -> None:
    """Compare how often each document was ranked with how often it was sent."""
    session.calls += session.late_calls()
    sent: Counter[Tag] = Counter()
    for passage in session.passages:
        sent.update(tags(passage.front))
    paid: Counter[Tag] = Counter()
    for call in session.calls:
        if call.ranking is not None:
            paid.update(set(tags(call)))
    twice = {tag for tag, times in paid.items() if times > sent[tag]} - session.lost
    for passage in session.passages:
        if twice & set(tags(passage.front)):
            times = max(paid[tag] for tag in twice & set(tags(passage.front)))
            says = f"a document that was sent once was ranked {counted(times, 'time')}"
            notes.add("calls.once", Verdict.BROKEN, says, passage)
            return
    notes.add("calls.once", Verdict.KEPT, f"none of {counted(len(sent), 'document')}")


def try_callers(session: Session, notes: Notes) -> None:
    """Send requests at the same time, some with the same query.

    First all of them are under way at upstream before one is answered; then upstream takes its
    time, another for each.
    """
    for latency in (0, {"type": "uniform", "lower": 0, "upper": LONGEST}):
        bodies = [session.body() for _ in range(CALLERS)]
        for body in bodies[::2]:
            body["query"] = "which fruit is it"
        session.upstream.slow_down(latency)
        if not latency:
            session.upstream.relay.gather(CALLERS)
        passages = session.together(bodies)
        session.upstream.slow_down(0)
        for passage in passages:
            _note_caller(session, notes, passage)


def _note_caller(session: Session, notes: Notes, passage: Passage) -> None:
    """Say whether one of several callers got the answer to the own request."""
    check = "sharing.concurrent"
    faults = [*_mixed(passage), *(fault.sentence for fault in session.faults(passage))]
    if not faults:
        notes.add(check, Verdict.KEPT, f"{CALLERS} at once")
    elif passage.status == 200:
        notes.add(check, Verdict.BROKEN, faults[0], passage)
    else:
        says = f"one of {CALLERS} at once is answered {passage.status}"
        notes.add(check, Verdict.DIFFERS, says, passage)


def _mixed(passage: Passage) -> Iterator[str]:
    """How upstream was asked for something else than this caller has sent."""
    sent: str = passage.front.request.body["query"]
    if not passage.calls:
        yield "upstream was not asked for the documents of this caller"
    for call in passage.calls:
        got = member(call.request.body, "query")
        # Whether a query is changed by itself is another check's.
        if cases(got) != cases(sent):
            was = f"and {sent!r:.80} was sent"
            yield f"upstream got these documents with the query {got!r:.80}, {was}"
    arrived = {tag for call in passage.calls for tag in tags(call)}
    if arrived and not set(tags(passage.front)) <= arrived:
        yield "not all documents of this caller have reached upstream"


def try_cache(session: Session, notes: Notes) -> None:
    """Send a request twice, and others that differ from it in one thing."""
    body = session.body()
    first = session.send(body)
    known = scores_of(first.calls)
    second = session.send(body)
    kept = bool(first.calls) and not second.calls and second.status == 200
    seen = "yes" if kept else "no"
    question = "Is an answer kept for an equal request?"
    notes.freedoms.append(Freedom("cache", question, seen))
    collisions = {"the same request": (_collision(session, known, second), second)}
    if kept:
        _try_stranger(session, notes, body)
    documents: list[str] = body["documents"]
    number = session.case()
    others: dict[str, AnyJson] = {
        "another top_n": {"top_n": 2},
        "return_documents": {"return_documents": True},
        "the documents in another order": {"documents": documents[::-1]},
        "other documents": {"documents": session.body(case=number)["documents"]},
        "another query": {"query": f"case{number} which one grows on a tree"},
        "the query in capitals": {"query": body["query"].upper()},
    }
    model = session.model("instruction")
    if model and model != body["model"]:
        others["another model"] = {"model": model}
    for name, change in others.items():
        passage = session.send({**body, **change})
        is_other = {"query", "model"} & change.keys()
        collisions[name] = (_collision(session, {} if is_other else known, passage), passage)
    names = [name for name, (says, _) in collisions.items() if says]
    if names:
        says, passage = collisions[names[0]]
        says = f"{', '.join(names)}: {says}"
        notes.add("sharing.cache", Verdict.BROKEN, says, first, passage)
    elif any(passage.status == 200 for _, passage in collisions.values()):
        notes.add("sharing.cache", Verdict.KEPT, "every answer is to its own request")


def _try_stranger(session: Session, notes: Notes, body: AnyJson) -> None:
    """Ask for what was kept without a valid key, where the gateway refuses such a caller."""
    refused = session.send(session.body(), credential=Credential.INVALID)
    stranger = session.send(body, credential=Credential.INVALID)
    if refused.status != 200 and stranger.status == 200:
        says = "an answer that was kept is given to a caller without a valid key"
        notes.add("sharing.cache", Verdict.BROKEN, says, stranger)


def _collision(session: Session, known: dict[Tag, list[float]], passage: Passage) -> str:
    """How an answer that was kept is not that to the request; empty where it is."""
    if passage.status != 200 or passage.calls:
        return ""
    if faults := session.faults(passage, known):
        return faults[0].sentence
    wants_texts = passage.front.request.body.get("return_documents")
    results = passage.read.ranking or ()
    is_short = wants_texts and any(result.document is None for result in results)
    return "texts are missing" if is_short else ""


def try_cancelling(session: Session, notes: Notes, impatient: HttpTarget) -> None:
    """Leave before the answer, and look whether the gateway leaves upstream too."""
    session.upstream.arm({"delay": CANCELLED})
    before = session.upstream.relay.abandoned
    session.send(session.body(), front=impatient)
    for _ in range(int(LOOKING / 0.05)):
        if session.upstream.relay.abandoned > before:
            break
        session.sleep(0.05)
    left = session.upstream.relay.abandoned > before
    session.upstream.disarm()
    question = "Is the call of upstream cancelled if the caller leaves?"
    notes.freedoms.append(Freedom("cancelled", question, "yes" if left else "no"))


def measure(session: Session, notes: Notes, direct: HttpTarget) -> None:
    """Measure the same requests with and without the gateway, by turns."""
    through: list[float] = []
    alone: list[float] = []
    for _ in range(MEASURED):
        body = session.body()
        page_body = {**body, "model": session.models[body["model"]]}
        session.check()
        one = _milliseconds(session, session.front, body)
        other = _milliseconds(session, direct, page_body)
        if one is not None and other is not None:
            through.append(one)
            alone.append(other)
    session.late_calls()
    if len(through) > 1:
        notes.latency = Latency(
            len(through), median(through), _p95(through), median(alone), _p95(alone)
        )


def _milliseconds(session: Session, target: HttpTarget, body: AnyJson) -> float | None:
    """How long the answer takes; None where it is none."""
    headers = session.headers if target is session.front else ()
    request = Request(body=body, headers=headers)
    began = session.clock()
    try:
        answer = target.send(request)
    except UnreachableError:
        return None
    return (session.clock() - began) * 1000 if answer.status == 200 else None


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1]
