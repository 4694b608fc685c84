"""How two answers to the same request differ, where a client can see it.

Ids and times differ from answer to answer, and say nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..checks.violations import shorten
from ..contract import AnyJson
from ..exchanges import Answer, Exchange, Request, Result, is_array, is_number, is_object, member
from .model import NAMED, Effect

#: Scores are numbers of 32 bits, of which seven digits are certain, and are written down to 1e-6:
#: what is nearer is rounding. Relative to the larger of them and 1.
TOLERANCE = 1e-6
#: Headers whose presence is compared: their values differ from answer to answer.
PRESENT = ("x-siliconcloud-trace-id", "retry-after", "location", "access-control-allow-origin")
#: Headers that begin so are compared as these.
RATE_LIMIT = "x-ratelimit-"
#: Where the results stand; they are compared by themselves.
_RESULTS = "results"


@dataclass(frozen=True)
class Difference:
    """One difference between two answers."""

    place: str
    old: AnyJson
    new: AnyJson
    effect: Effect
    #: How large it is, where those at one place differ in size only; None for words.
    size: float | None = None


def differences(old: Answer, new: Answer) -> Iterator[Difference]:
    """How the answers differ."""
    if old.status != new.status:
        breaks = old.status < 400 <= new.status
        effect = Effect.BREAKS_CLIENTS if breaks else Effect.VISIBLE
        yield Difference("status", old.status, new.status, effect)
    if (old.status < 400) == (new.status < 400):
        yield from _shape(old, new)
        if old.status == new.status == 200:
            yield from _rankings(_ranking(old), _ranking(new))
            yield from _counts(old, new)
        else:
            yield from _refusals(old, new)
        yield from _headers(old.headers, new.headers)


def _shape(old: Answer, new: Answer) -> Iterator[Difference]:
    """Members that came or went, or whose type changed."""
    before, after = (_types(answer) for answer in (old, new))
    for place in dict.fromkeys((*before, *after)):
        # An empty array says nothing of its members.
        if _in_empty(place, before) or _in_empty(place, after):
            continue
        types = before.get(place), after.get(place)
        if types[0] == types[1]:
            continue
        # Null held nothing that a client could have read.
        loses = types[0] is not None and types[0] != "null"
        effect = Effect.BREAKS_CLIENTS if loses else Effect.VISIBLE
        yield Difference(place or "body", *types, effect)


def _types(answer: Answer) -> dict[str, str]:
    """Place, such as `results[].index`, -> the types of what stands there."""
    if not answer.is_json:
        return {"": "text" if answer.body else "nothing"}
    found: defaultdict[str, set[str]] = defaultdict(set)
    level: list[tuple[str, AnyJson]] = [("", answer.json)]
    while level:
        inner: list[tuple[str, AnyJson]] = []
        for place, value in level:
            found[place].add(_type(value))
            if is_object(value):
                inner += [(_joined(place, name), held) for name, held in value.items()]
            elif is_array(value):
                inner += [(f"{place}[]", held) for held in value]
        level = inner
    return {place: " or ".join(sorted(types)) for place, types in found.items()}


def _joined(place: str, name: str) -> str:
    return shorten(f"{place}.{name}" if place else name)


def _type(value: AnyJson) -> str:
    if is_object(value):
        return "object"
    if is_array(value):
        return "array"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def _in_empty(place: str, types: Mapping[str, str]) -> bool:
    """Whether the array that the place is in has no members, or is not there."""
    array, found, _ = place.rpartition("[]")
    return bool(found) and f"{array}[]" not in types


def _ranking(answer: Answer) -> Sequence[Result]:
    return Exchange(Request(None), answer).ranking or ()


def _rankings(old: Sequence[Result], new: Sequence[Result]) -> Iterator[Difference]:
    before, after = ({result.index: result for result in ranking} for ranking in (old, new))
    gone, come = before.keys() - after.keys(), after.keys() - before.keys()
    if gone or come:
        effect = Effect.BREAKS_CLIENTS if gone else Effect.VISIBLE
        was, is_now = _indices(sorted(before)), _indices(sorted(after))
        yield Difference("ranked documents", was, is_now, effect, len(gone) + len(come))
    else:
        orders = _order(old), _order(new)
        moved = sum(one != other for one, other in zip(*orders, strict=False))
        if moved:
            was, is_now = map(_indices, orders)
            yield Difference("order", was, is_now, Effect.VISIBLE, moved)
    shared = [(before[index], after[index]) for index in before if index in after]
    gaps = [(abs(one.score - other.score), one.score, other.score) for one, other in shared]
    gap, was_score, score = max(gaps, default=(0.0, 0.0, 0.0))
    if gap > TOLERANCE * max(1.0, abs(was_score), abs(score)):
        yield Difference("relevance_score", was_score, score, Effect.VISIBLE, gap)
    for one, other in shared:
        texts = member(one.document, "text"), member(other.document, "text")
        if texts[0] != texts[1] and None not in texts:
            was, is_now = map(shorten, texts)
            yield Difference("document.text", was, is_now, Effect.VISIBLE, 0)
            break


def _order(ranking: Sequence[Result]) -> list[int]:
    """The documents as ranked; those that tie, in the order of the request."""
    ties: list[list[int]] = []
    last = None
    for result in ranking:
        if last is None or abs(last - result.score) > TOLERANCE * max(1.0, abs(last)):
            ties.append([])
        ties[-1].append(result.index)
        last = result.score
    return [index for tie in ties for index in sorted(tie)]


def _indices(indices: Sequence[int]) -> str:
    shown = shorten(", ".join(map(str, indices[:NAMED]))) or "none"
    return f"{shown}, … ({len(indices)} documents)" if len(indices) > NAMED else shown


def _counts(old: Answer, new: Answer) -> Iterator[Difference]:
    """Numbers outside of the results, such as tokens."""
    before, after = (dict(_numbers(answer.json)) for answer in (old, new))
    for place in before:
        if place in after and before[place] != after[place]:
            size = abs(before[place] - after[place])
            yield Difference(place, before[place], after[place], Effect.VISIBLE, size)


def _numbers(value: AnyJson, place: str = "") -> Iterator[tuple[str, float]]:
    if is_number(value):
        yield place, value
    for name, held in value.items() if is_object(value) else ():
        if place or name != _RESULTS:
            yield from _numbers(held, _joined(place, name))


def _refusals(old: Answer, new: Answer) -> Iterator[Difference]:
    codes = member(old.json, "code"), member(new.json, "code")
    if None not in codes and codes[0] != codes[1]:
        yield Difference("code", shorten(codes[0]), shorten(codes[1]), Effect.VISIBLE)
    messages = [
        answer.json if isinstance(answer.json, str) else member(answer.json, "message")
        for answer in (old, new)
    ]
    if None not in messages and messages[0] != messages[1]:
        was, is_now = map(shorten, messages)
        yield Difference("message", was, is_now, Effect.HARMLESS, 0)


def _headers(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    types = old.get("content-type"), new.get("content-type")
    if types[0] != types[1]:
        was, is_now = (shorten(value) if value else None for value in types)
        yield Difference("header content-type", was, is_now, Effect.VISIBLE)
    limits = {name for name in (*old, *new) if name.startswith(RATE_LIMIT)}
    for name in (*PRESENT, *sorted(limits)):
        if (name in old) != (name in new):
            was, is_now = ("present" if name in headers else None for headers in (old, new))
            yield Difference(f"header {shorten(name)}", was, is_now, Effect.VISIBLE)
