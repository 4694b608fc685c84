"""Requests to draw: valid ones for a model, and ones with exactly one thing wrong.

Everything is read out of the schemas. What Hypothesis draws first, and shrinks towards, is the
page's own example with its documents reversed, so that the best one does not stand first; for a
fault it is the value next to the bound.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from .contract import DOCUMENTS, GATED_FIELDS, STATED_BY, AnyJson, Model, keywords

Body = dict[str, AnyJson]

_EXAMPLES: Mapping[str, AnyJson] = {
    name: schema["examples"]
    for name, schema in DOCUMENTS["request.classic"]["properties"].items()
    if "examples" in schema
}
QUERY: str = _EXAMPLES["query"][0]
CORPUS: list[str] = list(reversed(_EXAMPLES["documents"][1]))
INSTRUCTION: str = _EXAMPLES["instruction"][0]

#: Texts that a careless server changes on the way: white space, Unicode forms, escapes.
DELICATE_TEXTS = (
    " leading and trailing ",
    "line\nbreak\r\nand\ttab",
    "combining e\u0301 and composed \u00e9",
    "emoji \U0001f469\u200d\U0001f4bb \U0001f1e8\U0001f1f3",
    "深度学习是机器学习的子集",
    "من اليمين إلى اليسار",
    'quotes " and \\ backslashes \\n',
    "<b>&amp;</b> {{markup}} %s",
    "MiXeD CaSe",
    "zero\u200bwidth\ufeff\u00a0space",
    "x" * 3000,
)
_ALPHABET = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"])


def texts() -> st.SearchStrategy[str]:
    """Texts of a few words or characters that any ranking model reads."""
    return st.one_of(
        st.sampled_from(CORPUS),
        st.sampled_from(DELICATE_TEXTS),
        st.text(_ALPHABET, min_size=1, max_size=40).filter(str.strip),
    )


def corpora(smallest: int = 2) -> st.SearchStrategy[list[str]]:
    """Lists of distinct documents."""
    return st.one_of(
        st.just(CORPUS),
        st.lists(texts(), min_size=smallest, max_size=8, unique=True),
    )


def plainest(model: Model) -> Body:
    """The smallest body that still ranks something."""
    return {"model": model.id, "query": QUERY, "documents": CORPUS}


def values(field: str) -> st.SearchStrategy[AnyJson]:
    """Valid values of an optional field, its bounds first."""
    schema = keywords(f"request.classic#/properties/{field}")
    kind = schema["type"][1]
    if kind == "boolean":
        return st.sampled_from([True, False])
    if kind == "string":
        return st.one_of(st.just(INSTRUCTION), texts())
    bounds = [schema[name][1] for name in ("minimum", "maximum", "default") if name in schema]
    return st.one_of(st.sampled_from(bounds), st.integers(bounds[0], bounds[-1]))


@st.composite
def valid(draw: st.DrawFn, /, model: Model, **pinned: AnyJson) -> Body:
    """A body that ``model`` must accept. ``pinned`` fields have that value, or are left out (None).

    Fields that the facts leave open are left out: top_n is at most the number of documents.
    """
    documents: AnyJson = pinned["documents"] if "documents" in pinned else draw(corpora())
    body: Body = {
        "model": model.id,
        "query": draw(st.one_of(st.just(QUERY), texts())),
        "documents": documents,
    }
    count = 1 if isinstance(documents, str) else len(documents)
    optional: dict[str, st.SearchStrategy[AnyJson]] = {
        "top_n": st.integers(1, count),
        "return_documents": values("return_documents"),
        **{field: values(field) for field in sorted(model.supports or ())},
    }
    for field, strategy in optional.items():
        if field not in pinned and draw(st.booleans()):
            body[field] = draw(strategy)
    body.update((field, value) for field, value in pinned.items() if value is not None)
    return body


@dataclass(frozen=True)
class Fault:
    """One way to break one keyword of one schema."""

    #: The keyword that breaks, as ``<schema>#/<path>``.
    pointer: str
    #: Where in the body, such as ``("documents", 0)``; empty for the body itself.
    path: tuple[str | int, ...]
    #: What is wrong: the keyword, or the JSON type that is sent in place of the right one.
    kind: str
    #: Wrong values; None where the member is left out instead.
    wrong: st.SearchStrategy[AnyJson] | None
    #: Whether it belongs in the shortest run.
    telling: bool = True

    @property
    def requirement(self) -> str:
        """The id of the requirement that the keyword states."""
        return STATED_BY[self.pointer]

    @property
    def field(self) -> str:
        """The field of the body that is wrong; empty for the body itself."""
        return str(self.path[0]) if self.path else ""

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path)) or 'body'} {self.kind}"


def faults(model: Model) -> list[Fault]:
    """Every fault that ``model`` must refuse: gated fields it does not support are left out."""
    unsupported = set(GATED_FIELDS) - (model.supports or frozenset())
    found = _faults(f"request.{model.form}#", ())
    return [fault for fault in found if fault.field not in unsupported]


@st.composite
def faulty(draw: st.DrawFn, model: Model, fault: Fault) -> AnyJson:
    """A body that is valid but for ``fault``."""
    body = draw(valid(model, top_n=None))
    if fault.wrong is None:
        return {name: value for name, value in body.items() if name != fault.field}
    wrong = draw(fault.wrong)
    if not fault.path:
        return wrong
    for part in reversed(fault.path[1:]):
        wrong = [*CORPUS, wrong] if isinstance(part, int) else {part: wrong}
    return {**body, fault.field: wrong}


#: Wrong values by JSON type, the ones that a lax parser converts first.
_OF_TYPE: Mapping[str, st.SearchStrategy[AnyJson]] = {
    "string": st.sampled_from(["1", "true", "one"]),
    "number": st.sampled_from([1, 0, 2]),
    "boolean": st.booleans().map(lambda value: not value),
    "object": st.sampled_from([{"text": "apple"}, {}]),
    "array": st.sampled_from([["apple"], []]),
    "null": st.none(),
}
#: Above every minimum, so that the type alone is wrong.
_FRACTIONS = st.sampled_from([2.5, 1.5])
#: Values just outside of a bound, the nearest first.
_OUT_OF_BOUNDS: Mapping[str, Callable[[Any], st.SearchStrategy[AnyJson]]] = {
    "minimum": lambda bound: st.integers(0, 1000).map(lambda below: bound - 1 - below),
    "maximum": lambda bound: st.integers(0, 1000).map(lambda above: bound + 1 + above),
    "minLength": lambda bound: st.text(max_size=bound - 1),
    "minItems": lambda bound: st.lists(st.just(CORPUS[0]), max_size=bound - 1),
    "anyOf": lambda _: st.sampled_from(
        [{"content": [{"type": "text", "text": "apple"}]}, {}, {"txt": "apple"}]
    ),
}


def _faults(place: str, path: tuple[str | int, ...]) -> Iterator[Fault]:
    """The faults of the schema at ``place``, and of the schemas inside it."""
    for keyword, (pointer, value) in keywords(place).items():
        if keyword == "required":
            for name in value:
                yield Fault(f"{pointer}/{name}", (*path, name), "missing", None)
        elif keyword == "properties":
            for name in value:
                yield from _faults(f"{pointer}/{name}", (*path, name))
        elif keyword == "items":
            yield from _faults(pointer, (*path, 0))
        elif keyword == "type":
            yield from _wrong_types(pointer, path, [value] if isinstance(value, str) else value)
        elif keyword in _OUT_OF_BOUNDS:
            yield Fault(pointer, path, keyword, _OUT_OF_BOUNDS[keyword](value))


def _wrong_types(pointer: str, path: tuple[str | int, ...], right: list[str]) -> Iterator[Fault]:
    # An optional field that is null has a requirement of its own, request.body.null.
    optional = len(path) == 1 and path[0] not in DOCUMENTS["request.classic"]["required"]
    wrong = [kind for kind in _OF_TYPE if kind not in right and not (optional and kind == "null")]
    telling = wrong[:3] if "integer" in right else wrong[:1]
    for kind in wrong:
        fraction = kind == "number" and "integer" in right
        yield Fault(
            pointer, path, kind, _FRACTIONS if fraction else _OF_TYPE[kind], kind in telling
        )
