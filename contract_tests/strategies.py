"""Requests to draw: valid ones for a model, and ones with exactly one thing wrong.

Everything is read out of the schemas. What Hypothesis draws first, and shrinks towards, is the
contract's own example with its documents reversed, so that the best one does not stand first; for a
fault it is the value next to the bound.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hypothesis import strategies as st

from .contract import AnyJson, Contract, Model
from .exchanges import is_array

Body = dict[str, AnyJson]

#: Texts that a careless server changes on the way, or takes for one another: white space, Unicode
#: forms, escapes, letter case.
DELICATE_TEXTS = (
    " leading and trailing ",
    "line\nbreak\r\nand\ttab",
    "combining e\u0301 and composed \u00e9",
    "combining \u00e9 and composed \u00e9",
    "\ufb01ne \uff21\uff22 \u2460 \u212b",
    "emoji \U0001f469\u200d\U0001f4bb \U0001f1e8\U0001f1f3",
    "深度学习是机器学习的子集",
    "من اليمين إلى اليسار",
    'quotes " and \\ backslashes \\n',
    "<b>&amp;</b> {{markup}} %s",
    "MiXeD CaSe",
    "mixed case",
    "zero\u200bwidth\ufeff\u00a0space",
    "ends in a line break\n",
    "\n\tone\n\n\ttwo\n\tthree",
    "separators\u2028of lines\u2029and paragraphs",
    "variation \u2764\ufe0f \u2764\ufe0e \u845b\U000e0100",
    "beyond the first plane \U0001d4b3 \U00020bb7",
    "Latin-1 \u00c6r\u00f8 fa\u00e7ade \u00df\u00ff",
    "controls \x1b[31m \x7f \x85",
    "9007199254740993 1e400 -0.0 NaN null",
    # A whole text that another type could be read from.
    "007",
    "1e5",
    "null",
    '["a"]',
    '{"a": 1}',
    "\ufeffmark",
    "<|im_end|>",
    "深度学习是机器学习的子集" * 24,
    "x" * 2100,
)
#: The like in one short text.
MIXED = (
    "MiXeD \u00e9 e\u0301 \ufb01ne \uff21 \u201cone\u201d \u2018two\u2019 \u00abthree\u00bb "
    "\u6df1\u5ea6 \U0001d4b3 \U0001f469\u200d\U0001f4bb \u2764\ufe0f <b>&amp;</b> %20 \\n \\u0041"
    '"\r\n\u2028\tend  \n'
)
_ALPHABET = st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"])
#: What a contract without an example is taken to say.
_EXAMPLES: Mapping[str, AnyJson] = {"query": "Apple", "documents": ["apple", "banana", "fruit"]}
#: The smallest number that is drawn for a field without a minimum: below it nothing is promised.
_LEAST = 1
#: Fewer characters make a text short.
_SHORT = 100
#: How many times the largest number that is named is drawn for a field without a maximum.
_FAR = 1000


@dataclass(frozen=True)
class Fault:
    """One way to break one keyword of one schema."""

    #: The keyword that breaks, as `<schema>#/<path>`.
    pointer: str
    #: Id of the requirement that the keyword states.
    requirement: str
    #: Where in the body, such as `("documents", 0)`; empty for the body itself.
    path: tuple[str | int, ...]
    #: What is wrong: the keyword, or the JSON type that is sent in place of the right one.
    kind: str
    #: Wrong values; None where the member is left out instead.
    wrong: st.SearchStrategy[AnyJson] | None
    #: Whether it belongs in the shortest run.
    telling: bool = True

    @property
    def field(self) -> str:
        """The field of the body that is wrong; empty for the body itself."""
        return str(self.path[0]) if self.path else ""

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path)) or 'body'} {self.kind}"


@dataclass(frozen=True)
class Bound:
    """A keyword that bounds a field, and the values that just keep it."""

    requirement: str
    field: str
    keyword: str
    right: st.SearchStrategy[AnyJson]

    def __str__(self) -> str:
        return f"{self.field} {self.keyword}"


@dataclass(frozen=True, eq=False)
class Strategies:
    """What can be drawn from one contract."""

    contract: Contract
    #: Models and optional fields that they refuse: drawn only where a test pins them.
    refused: frozenset[tuple[str, str]] = frozenset()
    #: Longest text that is drawn, in characters; None is no limit.
    longest: int | None = None

    @cached_property
    def query(self) -> str:
        """The example of a query."""
        query: str = self._example("query")
        return query

    @cached_property
    def either(self) -> str:
        """A query that some documents answer by half: their scores are neither high nor low."""
        return " ".join(self.corpus[-2:])

    @cached_property
    def corpus(self) -> list[str]:
        """The documents of the example, reversed."""
        return list(reversed(self._example("documents")))

    def _example(self, field: str) -> AnyJson:
        """The longest example of a field of the classic form, of the type that is drawn."""
        usual = _EXAMPLES[field]
        keywords = self.contract.keywords(f"request.classic#/properties/{field}")
        examples: list[AnyJson] = keywords["examples"][1] if "examples" in keywords else []
        return max((one for one in examples if type(one) is type(usual)), key=len, default=usual)

    def fields(self, form: str) -> Mapping[str, AnyJson]:
        """The fields of a request of that form -> their schemas."""
        fields: Mapping[str, AnyJson] = self.contract.schemas[f"request.{form}"]["properties"]
        return fields

    @cached_property
    def delicate(self) -> list[str]:
        """Texts that a careless server changes, as far as they are short enough."""
        most = self.longest
        return [text for text in DELICATE_TEXTS if most is None or len(text) <= most]

    def keywords(self, model: Model, field: str) -> Mapping[str, tuple[str, AnyJson]]:
        """The keywords of a field, with where each stands."""
        return self.contract.keywords(f"request.{model.form}#/properties/{field}")

    # Strategies that many tests draw from are made once: making them takes longer than drawing.
    @cached_property
    def texts(self) -> st.SearchStrategy[str]:
        """Texts of a few words or characters that any ranking model reads."""
        return st.one_of(
            st.sampled_from(self.corpus),
            st.sampled_from(self.delicate),
            st.text(_ALPHABET, min_size=1, max_size=40).filter(str.strip),
        )

    @cached_property
    def queries(self) -> st.SearchStrategy[str]:
        """Texts, the example of a query first."""
        return st.one_of(st.just(self.query), self.texts)

    @cached_property
    def corpora(self) -> st.SearchStrategy[list[str]]:
        """Lists of distinct documents."""
        return st.one_of(
            st.just(self.corpus), st.lists(self.texts, min_size=2, max_size=8, unique=True)
        )

    @cached_property
    def mixed(self) -> list[str]:
        """The documents of the example, each with all that a careless server changes."""
        return (
            [f" \t{text} {MIXED}" for text in self.corpus] if self.longest is None else self.corpus
        )

    def many(self, count: int) -> list[str]:
        """So many short, distinct documents, the best one last; delicate ones spread among them."""
        corpus = self.corpus
        documents = [*(f"{corpus[i % len(corpus)]} {i}" for i in range(count - 1)), self.mixed[-1]]
        texts = [text for text in DELICATE_TEXTS if len(text) < _SHORT][: count // 3]
        documents[: 3 * len(texts) : 3] = texts
        return documents

    def plainest(self, model: Model) -> Body:
        """The smallest body that still ranks something."""
        return {"model": model.id, "query": self.query, "documents": self.corpus}

    def fullest(self, model: Model, **more: AnyJson) -> Body:
        """The same with every optional field that can be sent; top_n cuts nothing off."""
        options = {name: self.usual(name) for name in self.optional(model)}
        documents = more.get("documents", self.corpus)
        if "top_n" in options:
            options["top_n"] = len(documents) if is_array(documents) else 1
        return {**self.plainest(model), **options, **more}

    def extremes(self, model: Model, **more: AnyJson) -> list[Body]:
        """The plainest body and the fullest one."""
        return [{**self.plainest(model), **more}, self.fullest(model, **more)]

    def printed(self, model: Model) -> Body:
        """The request that the contract prints, for that model; else the plainest one."""
        printed = self.contract.schemas["request.classic"].get("examples", [{}])[0]
        known = {name: value for name, value in printed.items() if name in self.optional(model)}
        return {**self.plainest(model), "documents": self.corpus[::-1], **known}

    def optional(self, model: Model) -> tuple[str, ...]:
        """Optional fields that the model supports, and the target takes."""
        supported = self._supported(model)
        return tuple(name for name in supported if (model.id, name) not in self.refused)

    def echo(self, model: Model) -> Body:
        """The option that brings the texts of the documents back, where it can be sent."""
        return {"return_documents": True} if "return_documents" in self.optional(model) else {}

    def _supported(self, model: Model) -> Iterator[str]:
        left_out = {*self.contract.gated_fields, *self.contract.required_of(model)}
        left_out -= model.supports or frozenset()
        return (name for name in self.fields(model.form) if name not in left_out)

    def usual(self, field: str) -> AnyJson:
        """A valid value of an optional field that says nothing unusual."""
        schema = self._schema(field)
        if "enum" in schema:
            return schema["enum"][1][0]
        kind = schema["type"][1]
        if kind == "boolean":
            return True
        if kind == "string":
            return schema.get("examples", ("", [self.query]))[1][0]
        least = schema["minimum"][1] if "minimum" in schema else _LEAST
        return schema["default"][1] if "default" in schema else least

    def is_text(self, field: str) -> bool:
        """Whether any text is a value of an optional field."""
        schema = self._schema(field)
        return "enum" not in schema and schema["type"][1] == "string"

    def values(self, field: str) -> st.SearchStrategy[AnyJson]:
        """Valid values of an optional field, its bounds first."""
        if field not in self._values:
            self._values[field] = self._values_of(field)
        return self._values[field]

    @cached_property
    def _values(self) -> dict[str, st.SearchStrategy[AnyJson]]:
        return {}

    def _values_of(self, field: str) -> st.SearchStrategy[AnyJson]:
        schema = self._schema(field)
        if "enum" in schema:
            return st.sampled_from(schema["enum"][1])
        kind = schema["type"][1]
        if kind == "boolean":
            return st.sampled_from([True, False])
        if kind == "string":
            examples: list[str] = schema.get("examples", ("", []))[1]
            return st.one_of(*map(st.just, examples), self.texts)
        bounds = [schema[name][1] for name in ("minimum", "maximum", "default") if name in schema]
        least = schema["minimum"][1] if "minimum" in schema else _LEAST
        far = _FAR * max([least, *bounds])
        most = schema["maximum"][1] if "maximum" in schema else far
        return st.one_of(st.sampled_from(bounds or [least]), st.integers(least, most))

    def _schema(self, field: str) -> dict[str, tuple[str, AnyJson]]:
        form = next(form for form in self.contract.forms if field in self.fields(form))
        return self.contract.keywords(f"request.{form}#/properties/{field}")

    def valid(self, model: Model, **pinned: AnyJson) -> st.SearchStrategy[Body]:
        """Bodies that `model` must accept; `pinned` fields have that value, or are absent (None).

        What the contract leaves open is left out: top_n is at most the number of documents. So are
        pinned fields that the contract does not have.
        """
        return _valid(self, model, pinned)

    def faults(self, model: Model) -> list[Fault]:
        """Every fault that `model` must refuse: gated fields it does not support are left out."""
        unsupported = set(self.contract.gated_fields) - (model.supports or frozenset())
        found = self._faults(model, f"request.{model.form}#", ())
        return [fault for fault in found if fault.field not in unsupported]

    def faulty(
        self, model: Model, fault: Fault, among: st.SearchStrategy[Body] | None = None
    ) -> st.SearchStrategy[AnyJson]:
        """Bodies that are valid but for `fault`; `among` are bodies that it is put into."""
        bodies = self.valid(model, top_n=None) if among is None else among
        return _faulty(self, fault, bodies)

    def full(self, model: Model) -> st.SearchStrategy[Body]:
        """The fullest body, in which a fault stands beside every other option."""
        full = self.fullest(model)
        # It is at most the number of documents, and that may be what is wrong.
        full.pop("top_n", None)
        return st.just(full)

    def bounds(self, model: Model) -> Iterator[Bound]:
        """Every bound of a field that `model` must accept the value next to."""
        required = self.contract.required_of(model)
        for field in (*required, *self._supported(model)):
            place = f"request.{model.form}#/properties/{field}"
            for keyword, (pointer, value) in self.contract.keywords(place).items():
                if keyword in _AT_BOUND and pointer in self.contract.stated_by:
                    right = _AT_BOUND[keyword](self, value)
                    yield Bound(self.contract.stated_by[pointer], field, keyword, right)

    def _faults(self, model: Model, place: str, path: tuple[str | int, ...]) -> Iterator[Fault]:
        """The faults of the schema at `place`, and of the schemas inside it."""
        stated_by = self.contract.stated_by
        for keyword, (pointer, value) in self.contract.keywords(place).items():
            if keyword == "required":
                for name in value:
                    if f"{pointer}/{name}" in stated_by:
                        requirement = stated_by[f"{pointer}/{name}"]
                        where = (*path, name)
                        yield Fault(f"{pointer}/{name}", requirement, where, "missing", None)
            elif keyword == "properties":
                for name in value:
                    yield from self._faults(model, f"{pointer}/{name}", (*path, name))
            elif keyword == "items":
                yield from self._faults(model, pointer, (*path, 0))
            elif pointer not in stated_by:
                continue
            elif keyword == "type":
                right = [value] if isinstance(value, str) else value
                yield from self._wrong_types(model, pointer, path, right)
            elif keyword in _OUT_OF_BOUNDS:
                wrong = _OUT_OF_BOUNDS[keyword](self, value)
                yield Fault(pointer, stated_by[pointer], path, keyword, wrong)

    def _wrong_types(
        self, model: Model, pointer: str, path: tuple[str | int, ...], right: list[str]
    ) -> Iterator[Fault]:
        # An optional field that is null has a requirement of its own, request.body.null.
        optional = len(path) == 1 and path[0] not in self.contract.required_of(model)
        wrong = [
            kind for kind in _OF_TYPE if kind not in right and not (optional and kind == "null")
        ]
        telling = wrong[:3] if "integer" in right else wrong[:1]
        for kind in wrong:
            fraction = kind == "number" and "integer" in right
            values = _FRACTIONS if fraction else _OF_TYPE[kind]
            requirement = self.contract.stated_by[pointer]
            yield Fault(pointer, requirement, path, kind, values, kind in telling)


@st.composite
def _valid(
    draw: st.DrawFn, strategies: Strategies, model: Model, pinned: Mapping[str, AnyJson]
) -> Body:
    documents: AnyJson = pinned["documents"] if "documents" in pinned else draw(strategies.corpora)
    body: Body = {
        "model": model.id,
        "query": draw(strategies.queries),
        "documents": documents,
    }
    for field in strategies.contract.required_of(model):
        if field not in body:
            body[field] = draw(strategies.values(field))
    count = 1 if isinstance(documents, str) else len(documents)
    for field in strategies.optional(model):
        if field not in pinned and draw(st.booleans()):
            among = st.integers(1, count) if field == "top_n" else strategies.values(field)
            body[field] = draw(among)
    known = strategies.fields(model.form)
    body.update(
        (name, value) for name, value in pinned.items() if value is not None and name in known
    )
    return body


@st.composite
def _faulty(
    draw: st.DrawFn, strategies: Strategies, fault: Fault, among: st.SearchStrategy[Body]
) -> AnyJson:
    body = draw(among)
    if fault.wrong is None:
        return {name: value for name, value in body.items() if name != fault.field}
    wrong = draw(fault.wrong)
    if not fault.path:
        return wrong
    for part in reversed(fault.path[1:]):
        wrong = [*strategies.corpus, wrong] if isinstance(part, int) else {part: wrong}
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
#: Above every minimum, so that only the type is wrong.
_FRACTIONS = st.sampled_from([2.5, 1.5])
#: Values just outside of a bound, the nearest first.
_OUT_OF_BOUNDS: Mapping[str, Callable[[Strategies, Any], st.SearchStrategy[AnyJson]]] = {
    "minimum": lambda _, bound: st.integers(0, 1000).map(lambda below: bound - 1 - below),
    "maximum": lambda _, bound: st.integers(0, 1000).map(lambda above: bound + 1 + above),
    "minLength": lambda _, bound: st.text(_ALPHABET, max_size=bound - 1),
    "minItems": lambda own, bound: st.lists(st.just(own.corpus[0]), max_size=bound - 1),
    "anyOf": lambda _own, _: st.sampled_from(
        [{"content": [{"type": "text", "text": "apple"}]}, {}, {"txt": "apple"}]
    ),
    "enum": lambda _, right: st.sampled_from(["one", "none"]).filter(
        lambda text: text not in right
    ),
}
#: Values that just keep a bound.
_AT_BOUND: Mapping[str, Callable[[Strategies, Any], st.SearchStrategy[AnyJson]]] = {
    "minimum": lambda _, bound: st.just(bound),
    "maximum": lambda _, bound: st.just(bound),
    "minLength": lambda _, bound: st.sampled_from("a苹é1").map(lambda letter: letter * bound),
    "minItems": lambda own, bound: st.lists(own.texts, min_size=bound, max_size=bound, unique=True),
}
