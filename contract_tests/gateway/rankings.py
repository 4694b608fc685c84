"""Finds out whether rankings and texts pass a gateway unharmed."""

from collections.abc import Iterable, Iterator, Mapping

from ..exchanges import Layout, member
from .findings import Notes, Verdict
from .passages import Aspect, Passage, quoted, ranking_faults, tag_of, tags, text_of
from .session import Session

#: What a text may have that is easily lost -> a text with it; each gets a tag in front.
DELICATE: Mapping[str, str] = {
    "a trailing line feed": " apple\n",
    "trailing spaces": " apple  ",
    "a tab": " apple\tpear",
    "a carriage return": " apple\r\npear",
    "U+2028": " apple\u2028pear",
    "a no-break space": " apple\u00a0pear",
    "an ideographic space": " 苹果\u3000梨",
    "a byte order mark": " apple\ufeffpear",
    "a zero-width joiner": " 👩\u200d🚀",
    "letters outside the BMP": " \U0001d49cpple 😀 𠮷",
    "composed letters (NFC)": " caf\u00e9",
    "combining letters (NFD)": " cafe\u0301",
    "compatibility letters (NFKC)": " ﬁg ½ ①",
    "Chinese": " 深度学习是机器学习的子集",
    "right-to-left marks": " \u202eapple\u202c تفاح",
    "backslashes": r" \n \u0041 \\ C:\new",
    "quotes": " \"apple\" 'pear' `plum`",
    "HTML": " <b>apple</b> &amp; &lt;pear&gt;",
    "a template": " {{ apple }} ${PEAR} %s %(plum)s {0}",
    "escapes of URLs": " a+b %41 %0A",
    "upper and lower case": " ApPlE PEAR",
    "a text like a number": " 1e400 007",
}
#: Letters that some servers refuse, so that they are sent alone.
CONTROLS: Mapping[str, str] = {
    "NUL": " apple\x00pear",
    "control letters": " apple\x01\x1b\x7fpear",
    "a vertical tab": " apple\x0b\x0cpear",
    "a noncharacter": " apple\ufffepear",
}
#: Long texts.
LONG: Mapping[str, str] = {
    "a text of 3,000 letters": "apple pear " * 272,
    "a text of 3,000 Chinese characters": "深度学习是机器学习的子集。" * 230,
    "a text of 40,000 letters": "apple pear " * 3636,
}
#: As many documents as a gateway may want to divide.
MANY = 130
_TRACE = "x-siliconcloud-trace-id"
_CHECKS: Mapping[Aspect, str] = {
    "index": "ranking.index",
    "score": "ranking.score",
    "complete": "ranking.complete",
    "order": "ranking.order",
    "text": "text.returned",
}


def try_rankings(session: Session, notes: Notes) -> None:
    """Send lists that are easily mixed up, and compare each result with what upstream gave it."""
    # Two with the same query: a gateway may tell requests apart by it.
    query = session.body()["query"]
    bodies = (session.body(query=query), session.body(12, query=query), session.body(7, top_n=3))
    for body in bodies:
        passage = session.send(body)
        faults = list(ranking_faults(passage))
        for aspect in ("index", "score", "complete", "order"):
            aspects = (aspect, "ranking", "coarse" if aspect == "score" else "")
            found = [fault.sentence for fault in faults if fault.aspect in aspects]
            _note(notes, _CHECKS[aspect], found, passage)
        for fault in faults:
            if fault.aspect == "digits":
                says = f"rounded: {fault.sentence}"
                notes.add("ranking.score", Verdict.DIFFERS, says, passage)
        _note_answer(notes, passage)
    _try_list(session, notes, "ranking.duplicates", [0, 1, 0, 2, 1, 3])
    _try_list(session, notes, "ranking.empty", [None, 0, 1, None, 2])
    for many in (session.body(MANY), session.body(MANY, top_n=5)):
        passage = session.send(many)
        _note(notes, "ranking.many", _sentences(session, passage), passage)
        coarse = [each.sentence for each in ranking_faults(passage) if each.aspect == "coarse"]
        if coarse:
            _note(notes, "ranking.score", coarse, passage)


def try_texts(session: Session, notes: Notes) -> None:
    """Send texts that are easily changed, and look at them on both sides."""
    _try_texts(session, notes, DELICATE, Layout())
    _try_texts(session, notes, DELICATE, Layout(escaped=True))
    _try_texts(session, notes, CONTROLS, Layout(escaped=True))
    for name, text in LONG.items():
        _try_long(session, notes, name, text)


def _sentences(session: Session, passage: Passage) -> list[str]:
    return [fault.sentence for fault in session.faults(passage)]


def _try_list(session: Session, notes: Notes, check: str, places: list[int | None]) -> None:
    """Send some documents of a list in other places; None stands for an empty one."""
    body = session.body()
    documents = ["" if place is None else body["documents"][place] for place in places]
    passage = session.send({**body, "documents": documents})
    if 400 <= passage.status < 500 and not passage.calls:
        says = f"the gateway refuses it with {passage.status}"
        notes.add(check, Verdict.DIFFERS, says, passage)
        return
    _note(notes, check, _sentences(session, passage), passage)


def _try_texts(session: Session, notes: Notes, texts: Mapping[str, str], layout: Layout) -> None:
    number = session.case()
    documents = [f"case{number}doc{each}{text}" for each, text in enumerate(texts.values())]
    query = f"case{number}{''.join(texts.values())}\n"
    changes = {"query": query, "documents": documents, "return_documents": True}
    passage = session.send({**session.body(case=number), **changes}, layout=layout)
    names = list(texts)
    if not passage.calls:
        verdict = Verdict.DIFFERS if 400 <= passage.status < 500 else Verdict.BROKEN
        says = f"texts with {names[0]} and the like are answered {passage.status}"
        notes.add("text.forwarded", verdict, says, passage)
        return
    got = {
        tag[1]: text
        for call in passage.calls
        for text in map(text_of, call.documents)
        if (tag := tag_of(text))
    }
    faults = [
        f"{names[each]}: sent {quoted(text)}, forwarded {quoted(got.get(each))}"
        for each, text in enumerate(documents)
        if got.get(each) != text
    ]
    for call in passage.calls:
        forwarded = member(call.request.body, "query")
        if forwarded != query:
            faults.append(f"the query: sent {query!r}, forwarded {forwarded!r}")
    _note(notes, "text.forwarded", faults, passage)
    if passage.status == 200:
        back = [fault.sentence for fault in ranking_faults(passage) if fault.aspect == "text"]
        _note(notes, "text.returned", back, passage)
    else:
        says = f"with `return_documents` they are answered {passage.status}"
        notes.add("text.returned", Verdict.NOT_SEEN, says, passage)


def _try_long(session: Session, notes: Notes, name: str, text: str) -> None:
    """Send one long text, which may be refused."""
    number = session.case()
    sent = f"case{number}doc0 {text}"
    body = session.body(2, case=number, return_documents=True)
    passage = session.send({**body, "documents": [sent, body["documents"][1]]})
    if not passage.calls:
        verdict = Verdict.DIFFERS if 400 <= passage.status < 500 else Verdict.BROKEN
        says = f"{name} is answered {passage.status or passage.front.answer.text}"
        notes.add("text.forwarded", verdict, says, passage)
        return
    got = [text_of(each) for call in passage.calls for each in call.documents]
    arrived = [each for each in got if tag_of(each) == (number, 0)]
    _note(notes, "text.forwarded", _long_faults(name, "is forwarded", sent, arrived), passage)
    if passage.read.ranking is not None:
        results = [result for result in passage.read.ranking if result.index == 0]
        back = [text_of(result.document) for result in results]
        _note(notes, "text.returned", _long_faults(name, "comes back", sent, back), passage)


def _long_faults(name: str, how: str, sent: str, texts: list[str]) -> Iterator[str]:
    """How a long text has changed."""
    for text in texts:
        if text != sent:
            lengths = f"with {len(text)} characters, of {len(sent)}"
            yield f"{name} {how} {lengths if len(text) != len(sent) else 'with other characters'}"


def _note_answer(notes: Notes, passage: Passage) -> None:
    """Compare what else is in an answer with upstream's."""
    if not passage.succeeded:
        return
    answer = passage.front.answer
    _note_tokens(notes, passage)
    traces = [call.answer.headers.get(_TRACE) for call in passage.calls]
    back = answer.headers.get(_TRACE)
    if back in traces:
        notes.add("answer.trace_id", Verdict.KEPT, "passed back", passage)
    elif back:
        notes.add("answer.trace_id", Verdict.DIFFERS, "the gateway has one of its own", passage)
    else:
        says = f"{_TRACE} is lost; support asks for it"
        notes.add("answer.trace_id", Verdict.BROKEN, says, passage)


def _note_tokens(notes: Notes, passage: Passage) -> None:
    for name in ("tokens", "billed_units"):
        path = ("meta", name, "input_tokens")
        answered = [call.answer.json for call in passage.calls if call.answer.status == 200]
        given = [tokens for answer in answered if (tokens := member(answer, *path)) is not None]
        back = member(passage.read.answer.json, *path)
        if back is None:
            if given:
                says = f"meta.{name} does not come back"
                notes.add("answer.tokens", Verdict.DIFFERS, says, passage)
        elif back == sum(given):
            notes.add("answer.tokens", Verdict.KEPT, f"{back} tokens come back", passage)
        else:
            says = f"meta.{name}: {back} tokens come back, and upstream counted {sum(given)}"
            notes.add("answer.tokens", Verdict.BROKEN, says, passage)


def judge_ids(session: Session, notes: Notes) -> None:
    """Say whether each answer has an id and a trace id of its own."""
    seen: dict[str, Passage] = {}
    traces: dict[str, Passage] = {}
    given = {call.answer.headers.get(_TRACE): call for call in session.calls}
    for passage in session.passages:
        if not passage.succeeded or session.lost & set(tags(passage.front)):
            continue
        trace = passage.front.answer.headers.get(_TRACE)
        if trace in traces:
            says = f"{_TRACE}: {trace} comes twice"
            notes.add("answer.trace_id", Verdict.BROKEN, says, traces[trace], passage)
        elif trace and given.get(trace) not in (None, *passage.calls):
            says = f"{_TRACE} is that of another request"
            notes.add("answer.trace_id", Verdict.BROKEN, says, passage)
        elif trace:
            traces[trace] = passage
        name = member(passage.read.answer.json, "id")
        if not isinstance(name, str):
            notes.add("answer.id", Verdict.BROKEN, "an answer has no id", passage)
        elif name in seen:
            says = f"the id {name} comes twice"
            notes.add("answer.id", Verdict.BROKEN, says, seen[name], passage)
        else:
            seen[name] = passage
    if seen:
        upstream = {member(call.answer.json, "id") for call in session.calls}
        says = "they are upstream's" if seen.keys() <= upstream else "they are the gateway's own"
        notes.add("answer.id", Verdict.KEPT, says)


def _note(notes: Notes, check: str, faults: Iterable[str], passage: Passage) -> None:
    """Note the first fault, or that there is none."""
    first, *more = [*faults, ""]
    if not first:
        notes.add(check, Verdict.KEPT, "as upstream has it", passage)
        return
    others = f" ({len(more) - 1} more)" if len(more) > 1 else ""
    notes.add(check, Verdict.BROKEN, f"{first}{others}", passage)
