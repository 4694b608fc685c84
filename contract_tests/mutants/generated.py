"""Generated mutants: operators that know nothing of the checks, crossed with fields and conditions.

A name says all of a mutant: what it changes, and when. The same name is the same mutant always.
"""

import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TypeAlias

from ..contract import AnyJson, Contract
from ..exchanges import Answer, Request, is_array, is_object
from .conditions import Condition, conditions
from .fields import Field, answer_fields, changed, rearranged, request_fields
from .operators import Answerer, Body, Sender, sent, without
from .transforms import ELEMENTS, OF_COLUMNS, OF_VALUES

#: Where each batch starts, and its results.
Batches: TypeAlias = list[tuple[int, list[Body]]]

TRACE_ID = "x-siliconcloud-trace-id"
#: Statuses that a gateway answers by itself, and its bodies.
_REFUSALS = {
    400: b'{"code":20015,"message":"The parameter is invalid.","data":null}',
    413: b'{"code":20042,"message":"Request entity too large","data":null}',
    422: b'{"message":"Unprocessable entity","data":null}',
    500: b'"Internal Server Error"',
}


@dataclass(frozen=True)
class Alteration:
    """What a mutant changes, without when."""

    operator: str
    #: What it is applied to.
    field: str
    name: str
    #: Makes the mutant for one run: some remember what they have seen.
    make: Callable[[], Answerer]


@dataclass(frozen=True)
class GeneratedMutant:
    """An alteration and a condition."""

    alteration: Alteration
    condition: Condition

    @property
    def name(self) -> str:
        """Says all of it."""
        return f"{self.alteration.name}, {self.condition.name}"

    def answerer(self) -> Answerer:
        """Make the mutant for one run."""
        applies, alter = self.condition.make(), self.alteration.make()

        def answer(send: Sender, request: Request) -> Answer:
            body = sent(request)
            return alter(send, request) if body and applies(request, body) else send(request)

        return answer


class Generator:
    """Every generated mutant of a contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract

    @cached_property
    def alterations(self) -> dict[str, Alteration]:
        """Name -> alteration."""
        return {made.name: made for made in _alterations(self._contract)}

    @cached_property
    def conditions(self) -> dict[str, Condition]:
        """Name -> condition."""
        return {condition.name: condition for condition in conditions(self._contract)}

    def named(self, name: str) -> GeneratedMutant | None:
        """Return the mutant of that name; None where there is none."""
        alteration, _, condition = name.rpartition(", ")
        if alteration not in self.alterations or condition not in self.conditions:
            return None
        return GeneratedMutant(self.alterations[alteration], self.conditions[condition])

    @cached_property
    def operators(self) -> list[str]:
        """Names of the operators."""
        return list(dict.fromkeys(made.operator for made in self.alterations.values()))

    def drawn(self, operator: str, seed: int) -> Iterator[GeneratedMutant]:
        """Draw mutants of an operator without end: a field, how, a kind of condition, and which.

        So no field and no kind is drawn more often for having many numbers.
        """
        draw = random.Random(f"{operator} {seed}")  # noqa: S311 - a choice of examples
        fields: dict[str, list[Alteration]] = {}
        for made in self.alterations.values():
            if made.operator == operator:
                fields.setdefault(made.field, []).append(made)
        kinds: dict[str, list[Condition]] = {}
        for condition in self.conditions.values():
            kinds.setdefault(condition.kind, []).append(condition)
        while True:
            alteration = draw.choice(fields[draw.choice(list(fields))])
            yield GeneratedMutant(alteration, draw.choice(kinds[draw.choice(list(kinds))]))


def _alterations(contract: Contract) -> Iterator[Alteration]:
    for side, fields, on in (
        ("request", request_fields(contract), _on_request),
        ("answer", answer_fields(contract), _on_answer),
    ):
        yield from _of_fields(side, fields, on)
    yield from _of_headers()
    yield from _of_whole_answers()
    yield from _caches(contract)
    yield from _batches()
    for status in _REFUSALS:
        yield Alteration("refuse", "request", f"refuse with {status}", partial(_refusing, status))


def _of_fields(
    side: str, fields: list[Field], on: Callable[[Callable[[AnyJson], AnyJson]], Answerer]
) -> Iterator[Alteration]:
    for field in fields:
        where = f"{side} {field}"
        for operator, transforms in OF_VALUES.items():
            for transform in transforms:
                if transform.types & field.types:
                    edit = partial(changed, path=field.path, change=transform.change)
                    yield _named(operator, where, transform.how, partial(on, edit))
        if "[]" in field.path:
            for operator, orders in OF_COLUMNS.items():
                for how, order in orders.items():
                    edit = partial(rearranged, path=field.path, order=order)
                    yield _named(operator, where, how, partial(on, edit))
    for one, other in itertools.combinations(fields, 2):
        if one.path[:-1] == other.path[:-1] and not other.path[-1].startswith("["):
            where = f"{side} {one}"
            edit = partial(_swapped, one=one, other=other)
            yield _named("swap", where, f"with {other.path[-1]}", partial(on, edit))


def _named(operator: str, where: str, how: str, make: Callable[[], Answerer]) -> Alteration:
    return Alteration(operator, where, " ".join(filter(None, (operator, where, how))), make)


def _swapped(body: AnyJson, one: Field, other: Field) -> AnyJson:
    first, second = one.path[-1], other.path[-1]

    def swap(parent: AnyJson) -> AnyJson:
        if not is_object(parent) or not {first, second} <= parent.keys():
            return parent
        return {**parent, first: parent[second], second: parent[first]}

    front = one.path[:-1]
    return changed(body, front, lambda parent: [swap(parent)]) if front else swap(body)


def _on_request(edit: Callable[[AnyJson], AnyJson]) -> Answerer:
    """Let the target see another request."""

    def answer(send: Sender, request: Request) -> Answer:
        body = sent(request)
        edited = _tried(edit, body)
        same = json.dumps(edited) == json.dumps(body)
        return send(request if same else replace(request, body=edited))

    return answer


def _on_answer(edit: Callable[[AnyJson], AnyJson]) -> Answerer:
    """Change answers that are a success."""

    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        if original.status != 200 or not original.is_json:
            return original
        edited = _tried(edit, original.json)
        printed = json.dumps(edited)
        return (
            original
            if printed == json.dumps(original.json)
            else replace(original, body=printed.encode())
        )

    return answer


def _tried(edit: Callable[[AnyJson], AnyJson], body: AnyJson) -> AnyJson:
    """The body as edited; as it is where the edit does not suit the value."""
    try:
        return edit(body)
    except (ArithmeticError, TypeError, ValueError):
        return body


def _of_headers() -> Iterator[Alteration]:
    def on(edit: Callable[[AnyJson], AnyJson]) -> Answerer:
        def answer(send: Sender, request: Request) -> Answer:
            original = send(request)
            edited = edit(dict(original.headers)) if original.status == 200 else original.headers
            return replace(original, headers={name: str(value) for name, value in edited.items()})

        return answer

    yield from _of_fields("header", [Field((TRACE_ID,), frozenset({"string"}))], on)


def _of_whole_answers() -> Iterator[Alteration]:
    def on(edit: Callable[[bytes], bytes]) -> Answerer:
        def answer(send: Sender, request: Request) -> Answer:
            original = send(request)
            edited = edit(original.body)
            success = original.status == 200 and edited != original.body
            return replace(original, body=edited) if success else original

        return answer

    edits: dict[tuple[str, str], Callable[[bytes], bytes]] = {
        ("drop", ""): lambda _: b"",
        ("duplicate", ""): lambda body: body + body,
        ("shift", "by 1 byte"): lambda body: body[1:] + body[:1],
        ("coerce", "to a string"): lambda body: json.dumps(body.decode()).encode(),
        ("coerce", "to an array"): lambda body: b"[" + body + b"]",
        ("coerce", "to null"): lambda _: b"null",
        **{
            ("truncate", f"at {most} bytes"): partial(_cut, most)
            for most in (1, 100, 1024, 4096, 16_384, 65_536)
        },
        **{
            ("re-encode", f"as {codec}"): partial(_in_codec, codec)
            for codec in ("latin-1", "utf-16", "gb18030")
        },
    }
    for (operator, how), edit in edits.items():
        yield _named(operator, "answer", how, partial(on, edit))
    for status in (201, 202, 204):
        yield _named("shift", "answer status", f"to {status}", partial(_with_status, status))


def _with_status(status: int) -> Answerer:
    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        return replace(original, status=status) if original.status == 200 else original

    return answer


def _cut(most: int, body: bytes) -> bytes:
    return body[:most]


def _in_codec(codec: str, body: bytes) -> bytes:
    return json.dumps(json.loads(body), ensure_ascii=False).encode(codec, "replace")


def _caches(contract: Contract) -> Iterator[Alteration]:
    names = [field.path[0] for field in request_fields(contract) if len(field.path) == 1]
    subsets = [kept for count in (1, 2, 3) for kept in itertools.combinations(names, count)]
    keys: dict[str, Callable[[Body], AnyJson]] = {
        **{f"all but {name}": partial(_without, name) for name in names},
        **{" and ".join(kept): partial(_only, kept) for kept in subsets},
        **{how: partial(_with_documents, of) for how, of in _OF_DOCUMENTS.items()},
        "small letters": lambda body: json.dumps(body).lower(),
        "the first 100 bytes": lambda body: json.dumps(body)[:100],
    }
    for how, key in keys.items():
        for whole, what in ((True, "the answer"), (False, "the results")):
            make = partial(_caching, key, whole=whole)
            yield Alteration("cache", how, f"cache {what} by {how}", make)


#: What a cache knows documents by.
_OF_DOCUMENTS: dict[str, Callable[[list[AnyJson]], AnyJson]] = {
    "all, of documents the number": len,
    "all, of documents the first": lambda documents: documents[:1],
    "all, of documents the set": lambda documents: sorted(map(json.dumps, documents)),
}


def _without(name: str, body: Body) -> Body:
    return without(body, name)


def _only(names: tuple[str, ...], body: Body) -> Body:
    return {name: body.get(name) for name in names}


def _with_documents(of: Callable[[list[AnyJson]], AnyJson], body: Body) -> Body:
    return {**body, "documents": of(_documents(body))}


def _caching(key: Callable[[Body], AnyJson], *, whole: bool) -> Answerer:
    kept: dict[str, Answer] = {}

    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        if original.status != 200 or not original.is_json:
            return original
        earlier = kept.setdefault(json.dumps(key(sent(request)), sort_keys=True), original)
        if whole or earlier is original:
            return earlier
        body = {**original.json, "results": earlier.json["results"]}
        return replace(original, body=json.dumps(body).encode())

    return answer


def _batches() -> Iterator[Alteration]:
    faults: dict[str, Callable[[Batches], list[Body]]] = {
        "whose indices start again": lambda batches: _sorted(
            result for _, results in batches for result in results
        ),
        "that are not sorted together": lambda batches: [
            result for start, results in batches for result in _moved(results, start)
        ],
        "without the last one": lambda batches: _sorted(
            result
            for start, results in batches[:-1] or batches
            for result in _moved(results, start)
        ),
        "and only the first one": lambda batches: batches[0][1],
        "each with top_n": lambda batches: _sorted(
            result for start, results in batches for result in _moved(results, start)
        ),
    }
    for size in ELEMENTS:
        for fault, join in faults.items():
            make = partial(_batching, size, join, cut=fault != "each with top_n")
            yield Alteration("batch", fault, f"batch by {size} {fault}", make)


def _batching(size: int, join: Callable[[Batches], list[Body]], *, cut: bool) -> Answerer:
    def answer(send: Sender, request: Request) -> Answer:
        body = sent(request)
        documents = body.get("documents")
        if not is_array(documents) or len(documents) <= size:
            return send(request)
        starts = range(0, len(documents), size)
        parts = [{**body, "documents": documents[start : start + size]} for start in starts]
        originals = [send(replace(request, body=part)) for part in parts]
        refused = [one for one in originals if one.status != 200 or not one.is_json]
        if refused:
            return refused[0]
        last = originals[-1]
        batches = [
            (start, one.json["results"]) for start, one in zip(starts, originals, strict=True)
        ]
        results = join(batches)
        top_n = body.get("top_n")
        if cut and type(top_n) is int:
            results = results[:top_n]
        return replace(last, body=json.dumps({**last.json, "results": results}).encode())

    return answer


def _moved(results: Sequence[Body], by: int) -> list[Body]:
    return [{**result, "index": result["index"] + by} for result in results]


def _sorted(results: Iterator[Body]) -> list[Body]:
    return sorted(results, key=lambda result: -float(result["relevance_score"]))


def _refusing(status: int) -> Answerer:
    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        return (
            replace(original, status=status, body=_REFUSALS[status])
            if original.status == 200
            else original
        )

    return answer


def _documents(body: Body) -> list[AnyJson]:
    documents = body.get("documents")
    return documents if is_array(documents) else [documents]
