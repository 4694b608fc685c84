"""When a generated mutant acts: always, or only on some requests."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from ..contract import AnyJson, Contract
from ..exchanges import Credential, Request, is_array
from .fields import request_fields
from .operators import Body

#: Whether the mutant acts on a request; gets its body, too.
Applies: TypeAlias = Callable[[Request, Body], bool]

DOCUMENTS = (1, 2, 4, 8, 10, 16, 20, 32, 50, 64, 100, 128, 256, 500)
CHARACTERS = (16, 64, 256, 512, 1000, 2048, 4096, 8192, 16_384, 32_768)
CALLS = (2, 3, 5, 7, 10, 20)


@dataclass(frozen=True)
class Condition:
    """One condition; makes its own counters for each run."""

    #: Conditions of one kind differ in a name or a number.
    kind: str
    name: str
    make: Callable[[], Applies]


def conditions(contract: Contract) -> list[Condition]:
    """Every condition."""
    fields = [field.path[0] for field in request_fields(contract) if len(field.path) == 1]
    options = [name for name in fields if name not in ("model", "query", "documents")]
    return [
        _stateless("always", "always", lambda _request, _body: True),
        *_family("model", "only with {}", _with_model, contract.models),
        *_family("more documents", "only above {} documents", _above, DOCUMENTS),
        *_family("fewer documents", "only up to {} documents", _up_to, DOCUMENTS[:4]),
        *_family("longer texts", "only above {} characters", _longer, CHARACTERS),
        *_family("option", "only with {}", _with_option, options),
        *_family("no option", "only without {}", _without_option, options),
        _stateless(
            "form of documents",
            "only with a string for documents",
            lambda _, body: isinstance(body.get("documents"), str),
        ),
        _stateless(
            "form of documents",
            "only with an array of documents",
            lambda _, body: is_array(body.get("documents")),
        ),
        _stateless(
            "texts",
            "only with texts that are not ASCII",
            lambda _, body: not all(text.isascii() for text in _texts(body)),
        ),
        _stateless(
            "texts",
            "only with a document that comes twice",
            lambda _, body: len(set(_texts(body)[1:])) < len(_texts(body)[1:]),
        ),
        _stateless(
            "caller",
            "only for the second caller",
            lambda request, _: request.credential is Credential.SECOND_KEY,
        ),
        *(
            Condition("calls", f"on each call whose number {count} divides", _each(count))
            for count in CALLS
        ),
        *(
            Condition("later calls", f"after {count} calls", _after(count))
            for count in (10, 30, 100)
        ),
    ]


def _stateless(kind: str, name: str, applies: Applies) -> Condition:
    return Condition(kind, name, lambda: applies)


def _family(
    kind: str, name: str, make: Callable[[AnyJson], Applies], values: Iterable[AnyJson]
) -> Iterator[Condition]:
    for value in values:
        yield _stateless(kind, name.format(value), make(value))


def _with_model(name: str) -> Applies:
    return lambda _, body: body.get("model") == name


def _above(count: int) -> Applies:
    return lambda _, body: _documents(body) > count


def _up_to(count: int) -> Applies:
    return lambda _, body: _documents(body) <= count


def _longer(length: int) -> Applies:
    return lambda _, body: max(map(len, _texts(body)), default=0) > length


def _with_option(name: str) -> Applies:
    return lambda _, body: name in body


def _without_option(name: str) -> Applies:
    return lambda _, body: name not in body


def _each(count: int) -> Callable[[], Applies]:
    def make() -> Applies:
        number = itertools.count(1)
        return lambda _request, _body: next(number) % count == 0

    return make


def _after(count: int) -> Callable[[], Applies]:
    def make() -> Applies:
        number = itertools.count(1)
        return lambda _request, _body: next(number) > count

    return make


def _documents(body: Body) -> int:
    documents = body.get("documents")
    return len(documents) if is_array(documents) else 1


def _texts(body: Body) -> list[str]:
    documents = body.get("documents")
    texts = [body.get("query"), *(documents if is_array(documents) else [documents])]
    return [text for text in texts if isinstance(text, str)]
