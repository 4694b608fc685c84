"""What became of a field of a request on its way to upstream. Pure functions."""

import json
from typing import Literal, NamedTuple, TypeAlias

from ..contract import AnyJson
from ..exchanges import Exchange, is_array, is_object, member
from .findings import FieldRow, Verdict
from .passages import Passage

How: TypeAlias = Literal["forwarded", "renamed", "dropped", "changed", "unasked"]
#: Longest value that a table shows, in characters.
LONGEST = 60
#: Statuses that say nothing of the request itself.
_NOT_THE_REQUEST = (401, 403, 408, 429)


class Forwarding(NamedTuple):
    """A field as upstream got it."""

    how: How
    #: Its name there, and its value.
    name: str
    value: AnyJson


def forwarding(name: str, value: AnyJson, passage: Passage, plain: Passage) -> Forwarding:
    """What upstream got of a field; the plain request shows what the gateway always sends."""
    sent = asked(passage)
    if sent is None:
        return Forwarding("unasked", name, None)
    if name in sent:
        got = sent[name]
        return Forwarding("forwarded" if equal(got, value) else "changed", name, got)
    usual = asked(plain) or {}
    for other, got in sent.items():
        if equal(got, value) and not equal(usual.get(other), got):
            return Forwarding("renamed", other, got)
    return Forwarding("dropped", name, None)


def judged(found: Forwarding, passage: Passage, *, effect: bool | None) -> tuple[Verdict, str]:
    """The verdict about a field, and why; `effect` is whether the answer is as if it was heeded."""
    status = passage.status
    if status == 200 and found.how == "forwarded":
        return Verdict.KEPT, "forwarded"
    says = how(found)
    if status == 200:
        if effect:
            return Verdict.DIFFERS, f"{says}, and the answer is right all the same"
        return Verdict.BROKEN, f"{says}, and the caller cannot see it"
    if found.how == "unasked" and 400 <= status < 500 and status not in _NOT_THE_REQUEST:
        return Verdict.DIFFERS, f"the gateway refuses it with {status}"
    front = f"the gateway answers {status or passage.front.answer.text}"
    if not passage.calls:
        return Verdict.BROKEN, f"{front}, and upstream was not asked"
    answered = ", ".join(str(call.answer.status) for call in passage.calls)
    return Verdict.BROKEN, f"{says}: {front}, and upstream {answered}"


def how(found: Forwarding) -> str:
    """What became of a field, in a few words."""
    if found.how == "renamed":
        return f"renamed to {found.name}"
    if found.how == "changed":
        return f"changed to {shown(found.value)}"
    return "upstream was not asked" if found.how == "unasked" else found.how


def row(name: str, value: AnyJson, found: Forwarding, passage: Passage, says: str) -> FieldRow:
    """The line of the table about a field."""
    forwarded = {"unasked": "not asked", "dropped": "absent"}.get(found.how, shown(found.value))
    renamed = f"{found.name}: " if found.how == "renamed" else ""
    answered = passage.calls[-1] if passage.calls else None
    return FieldRow(
        name,
        shown(value),
        renamed + forwarded,
        outcome(answered) if answered else "nothing",
        outcome(passage.read),
        says,
    )


def outcome(exchange: Exchange) -> str:
    """An answer in a few words."""
    if exchange.ranking is None:
        return str(exchange.answer.status or "no answer")
    texts = sum(result.document is not None for result in exchange.ranking)
    return f"{len(exchange.ranking)} results" + (f", {texts} texts" if texts else "")


def asked(passage: Passage) -> dict[str, AnyJson] | None:
    """The body that upstream got first; None where it got none."""
    bodies = (call.request.body for call in passage.calls)
    return next((body for body in bodies if is_object(body)), None)


def equal(one: AnyJson, other: AnyJson) -> bool:
    """Whether two values are the same JSON."""
    return type(one) is type(other) and one == other


def shown(value: AnyJson) -> str:
    """A value as a table shows it."""
    if is_array(value):
        text = f"{len(value)} documents"
    elif value is None:
        text = "absent"
    else:
        text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def of_answer(name: str, passage: Passage, *path: str) -> FieldRow:
    """The line of the table about a member of the answer."""
    call = passage.calls[0].answer.json if passage.calls else None
    answered, back = member(call, *path), member(passage.read.answer.json, *path)
    if back is None:
        says = "absent on both sides" if answered is None else "lost"
    else:
        says = "passed back" if answered == back else "changed"
    return FieldRow(name, "", "", shown(answered), shown(back), says)
