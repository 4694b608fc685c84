"""Finds out what becomes of each field of a request, and of the members of an answer."""

from collections.abc import Iterator

from ..contract import AnyJson
from ..exchanges import is_object, member
from .findings import FieldRow, Freedom, Notes, Verdict
from .forwarding import asked, equal, forwarding, how, judged, of_answer, row, shown
from .passages import Passage, ranking_faults, text_of
from .session import Session

#: Values that stand for nothing else, of fields that only some models support.
_GATED: dict[str, AnyJson] = {
    "instruction": "Rank by colour, please",
    "max_chunks_per_doc": 211,
    "overlap_tokens": 37,
}
_UNKNOWN = "x_rerank_contract"
#: Headers of upstream's answer that are shown in the table.
_TRACE = "x-siliconcloud-trace-id"
#: Headers that every client of HTTP sends of its own.
_USUAL_HEADERS = {
    *("host", "user-agent", "accept", "accept-encoding", "authorization", "content-type"),
    *("content-length", "connection", "transfer-encoding"),
}


def try_fields(session: Session, notes: Notes) -> None:
    """Send each field once, and compare what upstream got."""
    plain = session.send(session.body())
    _try_required(session, notes, plain)
    _note_added(session, notes, plain)
    _try_top_n(session, notes, plain)
    _try_return_documents(session, notes, plain)
    for name, value in _GATED.items():
        _try_gated(session, notes, name, value)
    _try_documents(session, notes, plain)
    _note_unknown(session, notes, plain)
    _note_headers(session, notes, plain)
    notes.rows += _of_answer(plain)


def _try_required(session: Session, notes: Notes, plain: Passage) -> None:
    body, sent = plain.front.request.body, asked(plain)
    if sent is None:
        notes.add("field.documents", Verdict.BROKEN, "upstream was not asked", plain)
        return
    model = session.models[body["model"]]
    for name, value in (("model", model), ("query", body["query"])):
        found = forwarding(name, value, plain, plain)
        verdict, says = judged(found, plain, effect=None)
        notes.add(f"field.{name}", verdict, says, plain)
        shown_how = says if model == body["model"] or name != "model" else f"mapped to {model}"
        notes.rows.append(row(name, body[name], found, plain, shown_how))
    texts = sorted(text_of(each) for call in plain.calls for each in call.documents)
    calls = f" in {len(plain.calls)} calls" if len(plain.calls) > 1 else ""
    if texts == sorted(body["documents"]):
        notes.add("field.documents", Verdict.KEPT, f"forwarded{calls}", plain)
    else:
        notes.add("field.documents", Verdict.BROKEN, f"other documents arrive{calls}", plain)
    found = forwarding("documents", body["documents"], plain, plain)
    notes.rows.append(row("documents", body["documents"], found, plain, how(found) + calls))


def _note_added(session: Session, notes: Notes, plain: Passage) -> None:
    """Look at what upstream got that was never sent, with each model."""
    rows: dict[tuple[str, str], FieldRow] = {}
    for model in session.models:
        is_plain = model == plain.front.request.body["model"]
        passage = plain if is_plain else session.send(session.body(model=model))
        for name, value in _added(passage).items():
            how = "added by the gateway" if is_plain else f"added by the gateway for {model}"
            added = FieldRow(name, "absent", shown(value), "", "", how)
            rows.setdefault((name, shown(value)), added)
            if _is_harmful(session, name, value, passage):
                says = f"{name}: {shown(value)} is added to a request for {model}"
                notes.add("field.added", Verdict.BROKEN, says, passage)
            elif name == "top_n" and value > len(passage.front.documents):
                says = f"top_n: {value} is added, which cuts longer lists"
                notes.add("field.added", Verdict.DIFFERS, says, passage)
        if passage.calls:
            notes.add("field.added", Verdict.KEPT, "nothing that changes the ranking", passage)
    notes.rows += rows.values()
    names = ", ".join(sorted({name for name, _ in rows})) or "none"
    notes.freedoms.append(Freedom("fields.added", "Which fields does it add to requests?", names))


def _added(passage: Passage) -> dict[str, AnyJson]:
    body = passage.front.request.body
    sent = asked(passage) or {}
    return {name: value for name, value in sent.items() if name not in body and value is not None}


def _is_harmful(session: Session, name: str, value: AnyJson, passage: Passage) -> bool:
    """Whether a field that is added changes the ranking."""
    if name == "top_n":
        return not isinstance(value, int) or value < len(passage.front.documents)
    return name in _GATED and not equal(value, _default(session, name))


def _try_top_n(session: Session, notes: Notes, plain: Passage) -> None:
    passage = session.send(session.body(5, top_n=2))
    # Fewer than upstream has ranked: a gateway may cut for itself.
    faults = [each for each in ranking_faults(passage) if each.aspect in ("ranking", "complete")]
    is_right = not faults
    found = forwarding("top_n", 2, passage, plain)
    verdict, says = judged(found, passage, effect=is_right)
    if verdict is Verdict.KEPT and not is_right:
        verdict, says = Verdict.BROKEN, f"{says}, but {faults[0].sentence}"
    notes.add("field.top_n", verdict, says, passage)
    notes.rows.append(row("top_n", 2, found, passage, says))


def _try_return_documents(session: Session, notes: Notes, plain: Passage) -> None:
    for value in (True, False):
        passage = session.send(session.body(return_documents=value))
        results = passage.read.ranking or ()
        is_right = bool(results) and all(
            (result.document is not None) is value for result in results
        )
        found = forwarding("return_documents", value, passage, plain)
        verdict, says = judged(found, passage, effect=is_right)
        if passage.status == 200 and not is_right:
            # Texts that nobody asked for do no harm.
            verdict = Verdict.BROKEN if value else Verdict.DIFFERS
            texts = f"texts come back {'not at all' if value else 'all the same'}"
            says = f"{says}: {texts if results else 'no ranking comes back'}"
        notes.add("field.return_documents", verdict, f"{shown(value)}: {says}", passage)
        notes.rows.append(row("return_documents", value, found, passage, says))


def _try_gated(session: Session, notes: Notes, name: str, value: AnyJson) -> None:
    model = session.model(name)
    check = f"field.{name}"
    if model is None:
        notes.add(check, Verdict.NOT_SEEN, "no model that was named supports it")
        return
    plain = session.send(session.body(model=model))
    if not plain.succeeded:
        says = f"the gateway answers {plain.status} to {model} without it"
        notes.add(check, Verdict.NOT_SEEN, says, plain)
        return
    passage = session.send({**session.body(model=model), name: value})
    found = forwarding(name, value, passage, plain)
    verdict, says = judged(found, passage, effect=None)
    notes.add(check, verdict, says, passage)
    notes.rows.append(row(name, value, found, passage, says))


def _try_documents(session: Session, notes: Notes, plain: Passage) -> None:
    """Other forms of documents: a single text, and objects."""
    body = session.body(1)
    text: str = body["documents"][0]
    passage = session.send({**body, "documents": text})
    _judge_form(notes, "field.documents.string", "documents: a text", text, passage)
    model = session.model(form="multimodal")
    if model is None:
        says = "no model that was named takes objects"
        notes.add("field.documents.objects", Verdict.NOT_SEEN, says)
        return
    plain = session.send(session.body(model=model))
    if not plain.succeeded:
        says = f"the gateway answers {plain.status} to {model} with texts"
        notes.add("field.documents.objects", Verdict.NOT_SEEN, says, plain)
        return
    body = session.body(2, model=model)
    objects = [{"text": text} for text in body["documents"]]
    passage = session.send({**body, "documents": objects})
    _judge_form(notes, "field.documents.objects", "documents: objects", objects, passage)


def _judge_form(notes: Notes, check: str, name: str, value: AnyJson, passage: Passage) -> None:
    found = forwarding("documents", value, passage, passage)
    got = [text_of(each) for call in passage.calls for each in call.documents]
    is_right = got == list(map(text_of, passage.front.documents))
    # Wrong scores are another check's.
    is_right = is_right and all(
        fault.aspect in ("score", "coarse", "digits") for fault in ranking_faults(passage)
    )
    verdict, says = judged(found, passage, effect=is_right)
    if verdict is Verdict.KEPT and not is_right:
        verdict, says = Verdict.BROKEN, f"{says}, and the answer is not that of upstream"
    notes.add(check, verdict, says, passage)
    notes.rows.append(row(name, value, found, passage, says))


def _note_unknown(session: Session, notes: Notes, plain: Passage) -> None:
    passage = session.send({**session.body(), _UNKNOWN: "a value"})
    found = forwarding(_UNKNOWN, "a value", passage, plain)
    seen = how(found) if passage.status == 200 else f"answered {passage.status}"
    question = "What becomes of a field that the page does not have?"
    notes.freedoms.append(Freedom("fields.unknown", question, seen))
    notes.rows.append(row("an unknown field", "a value", found, passage, seen))


def _note_headers(session: Session, notes: Notes, plain: Passage) -> None:
    got = {name for call in plain.calls for name, _ in call.request.headers}
    sent = {name.lower() for name, _ in session.headers}
    added = ", ".join(sorted(got - _USUAL_HEADERS - sent)) or "none"
    question = "Which headers does it add to requests, beside those of every client?"
    notes.freedoms.append(Freedom("headers.added", question, added))


def _of_answer(plain: Passage) -> Iterator[FieldRow]:
    yield of_answer("id", plain, "id")
    for name in ("tokens", "billed_units"):
        yield of_answer(f"meta.{name}.input_tokens", plain, "meta", name, "input_tokens")
    answered = [call.answer.headers.get(_TRACE) for call in plain.calls]
    back = plain.front.answer.headers.get(_TRACE)
    says = "passed back" if back in answered else "changed"
    says = "lost" if back is None else says
    yield FieldRow(_TRACE, "", "", shown(answered[0] if answered else None), shown(back), says)
    usual = {"id", "results", "meta"}
    answer = plain.read.answer.json
    for name in sorted(answer.keys() - usual) if is_object(answer) else ():
        yield FieldRow(name, "", "", "absent", shown(answer[name]), "added by the gateway")


def _default(session: Session, name: str) -> AnyJson:
    """The default that the page gives a field; None where it gives none."""
    return member(session.contract.schemas["request.classic"], "properties", name, "default")
