"""Python jsonschema, which reads the schemas on its own, says whether a draw is what it claims."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import chain
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from contract_tests.contract import AnyJson, Model
from contract_tests.strategies import DELICATE_TEXTS, Fault
from tests.contract_tests.newest import MODELS, NEWEST, STRATEGIES
from tests.schemas.data import CONTRACT, TABLES

T = TypeVar("T")
_REGISTRY: Registry[Any] = Registry[Any]().with_resources(
    (schema["$id"], DRAFT202012.create_resource(schema)) for schema in CONTRACT.values()
)
SUPPORTS = {row["id"]: set(row["supports"]) for row in TABLES["models"]}
GATED = set[str]().union(*SUPPORTS.values())
PROPERTIES: AnyJson = CONTRACT["request.classic"]["properties"]
#: Field -> keyword -> value, of every number that bounds a field.
BOUNDS: dict[str, dict[str, int]] = {
    name: {keyword: schema[keyword] for keyword in schema if keyword.startswith(("min", "max"))}
    for name, schema in PROPERTIES.items()
}
EVERY_MODEL = pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.id)
REPRESENTATIVES = pytest.mark.parametrize(
    "model", NEWEST.representatives(), ids=lambda model: model.id
)


@cache
def validator(model: Model) -> Draft202012Validator:
    return Draft202012Validator(CONTRACT[f"request.{model.form}"], registry=_REGISTRY)


def wrong_with(model: Model, body: AnyJson) -> list[tuple[str, tuple[str, ...]]]:
    """Keyword and place of everything that the schema of the model finds wrong."""
    found: Iterator[Any] = validator(model).iter_errors(body)  # pyright: ignore[reportUnknownMemberType] # a gap in its stubs
    return [(str(error.validator), _place(error.absolute_path)) for error in found]


def _place(path: Any) -> tuple[str, ...]:  # noqa: ANN401 # jsonschema has no type for it
    """The path, whatever the position in an array."""
    return tuple("[]" if isinstance(part, int) else part for part in path)


def meant(fault: Fault) -> tuple[str, tuple[str, ...]]:
    """Keyword and place that the fault is to break."""
    place = _place(fault.path)
    if fault.kind == "missing":
        return "required", place[:-1]
    is_keyword = fault.kind in ("minimum", "maximum", "minLength", "minItems", "anyOf")
    return (fault.kind if is_keyword else "type"), place


def first(strategy: st.SearchStrategy[T]) -> T:
    """What the shortest run draws."""
    drawn: list[T] = []

    @settings(max_examples=1, database=None, phases=[Phase.generate])
    @given(strategy)
    def draw(value: T) -> None:
        drawn.append(value)

    draw()
    return drawn[0]


@EVERY_MODEL
@given(data=st.data())
def test_a_valid_body_is_one_that_the_model_supports(model: Model, data: st.DataObject) -> None:
    body = data.draw(STRATEGIES.valid(model))
    assert wrong_with(model, body) == []
    assert body["model"] == model.id
    assert not (GATED - SUPPORTS[model.id]) & body.keys()
    assert body.get("top_n", 1) <= len(body["documents"])
    assert len(set(body["documents"])) == len(body["documents"]) >= 2
    assert all(text.strip() for text in (body["query"], *body["documents"]))


@given(st.data())
def test_of_an_unlisted_model_no_gated_field_is_asked(data: st.DataObject) -> None:
    assert not GATED & data.draw(STRATEGIES.valid(NEWEST.model_named("someone/else"))).keys()


@REPRESENTATIVES
@given(data=st.data())
@settings(max_examples=20)
def test_a_pinned_field_has_its_value_or_is_left_out(model: Model, data: st.DataObject) -> None:
    body = data.draw(STRATEGIES.valid(model, documents="a", return_documents=None, top_n=1))
    assert (body["documents"], body["top_n"]) == ("a", 1)
    assert "return_documents" not in body
    assert wrong_with(model, body) == []


@REPRESENTATIVES
def test_every_optional_field_that_the_model_supports_is_drawn(model: Model) -> None:
    for field in ("top_n", "return_documents", *SUPPORTS[model.id]):
        assert field in find(STRATEGIES.valid(model), _with(field))
        assert field not in find(STRATEGIES.valid(model), _without(field))


def _with(field: str) -> Callable[[AnyJson], bool]:
    return lambda body: field in body


def _without(field: str) -> Callable[[AnyJson], bool]:
    return lambda body: field not in body


@pytest.mark.slow
@REPRESENTATIVES
@given(data=st.data())
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_a_fault_breaks_its_keyword_and_no_other(model: Model, data: st.DataObject) -> None:
    fault = data.draw(st.sampled_from(STRATEGIES.faults(model)))
    body = data.draw(STRATEGIES.faulty(model, fault))
    assert wrong_with(model, body) == [meant(fault)]


@REPRESENTATIVES
def test_what_is_drawn_first_breaks_each_keyword_too(model: Model) -> None:
    for fault in STRATEGIES.faults(model):
        assert wrong_with(model, first(STRATEGIES.faulty(model, fault))) == [meant(fault)]


@EVERY_MODEL
def test_every_keyword_that_the_model_must_keep_has_a_fault(model: Model) -> None:
    kept: set[tuple[str, tuple[str, ...]]] = {
        ("required", ()),
        ("type", ()),
        *(
            (keyword, (field,))
            for field, schema in PROPERTIES.items()
            if field not in GATED - SUPPORTS[model.id]
            for keyword in schema
            if keyword == "type" or keyword in BOUNDS[field]
        ),
    }
    content: set[tuple[str, tuple[str, ...]]] = {("type", ("documents", "[]"))}
    if model.form == "multimodal":
        for place in (("query",), ("documents", "[]")):
            content |= {("anyOf", place), *(("type", (*place, kind)) for kind in ("text", "image"))}
    assert {meant(fault) for fault in STRATEGIES.faults(model)} == kept | content


def test_faults_have_names_of_their_own() -> None:
    for model in MODELS.values():
        names = [str(fault) for fault in STRATEGIES.faults(model)]
        assert len(set(names)) == len(names)


def test_the_first_value_outside_of_a_bound_is_the_nearest() -> None:
    tried: set[tuple[str, str]] = set()
    for model in NEWEST.representatives():
        for fault in STRATEGIES.faults(model):
            if fault.field in BOUNDS and fault.kind in BOUNDS[fault.field] and len(fault.path) == 1:
                bound = BOUNDS[fault.field][fault.kind]
                nearest = bound + 1 if fault.kind.startswith("max") else bound - 1
                value = first(STRATEGIES.faulty(model, fault))[fault.field]
                assert (value if isinstance(value, int) else len(value)) == nearest
                tried.add((fault.field, fault.kind))
    assert tried == {(field, keyword) for field in BOUNDS for keyword in BOUNDS[field]}


@pytest.mark.parametrize("field", [field for field in BOUNDS if "minimum" in BOUNDS[field]])
def test_the_first_value_inside_of_the_bounds_is_a_bound(field: str) -> None:
    if field == "top_n":
        assert all(
            find(STRATEGIES.valid(model), _with(field))[field] == 1
            for model in NEWEST.representatives()
        )
        return
    assert first(STRATEGIES.values(field)) == BOUNDS[field]["minimum"]
    for bound in (*BOUNDS[field].values(), PROPERTIES[field].get("default")):
        assert bound is None or find(STRATEGIES.values(field), _is(bound)) == bound


def _is(bound: int) -> Callable[[AnyJson], bool]:
    return lambda value: value == bound


@pytest.mark.parametrize("field", [*sorted(GATED), "return_documents"])
@given(data=st.data())
@settings(max_examples=30)
def test_values_of_a_field_are_valid(field: str, data: st.DataObject) -> None:
    body = {
        **STRATEGIES.plainest(MODELS["BAAI/bge-reranker-v2-m3"]),
        field: data.draw(STRATEGIES.values(field)),
    }
    assert wrong_with(MODELS["BAAI/bge-reranker-v2-m3"], body) == []


@REPRESENTATIVES
def test_the_plainest_body_is_drawn_first_and_is_valid(model: Model) -> None:
    assert first(STRATEGIES.valid(model)) == STRATEGIES.plainest(model)
    assert wrong_with(model, STRATEGIES.plainest(model)) == []


def test_the_best_document_of_the_page_does_not_stand_first() -> None:
    assert PROPERTIES["documents"]["examples"][1][::-1] == STRATEGIES.corpus


@given(STRATEGIES.corpora)
def test_documents_differ(documents: list[str]) -> None:
    assert len(set(documents)) == len(documents) >= 2


@pytest.mark.parametrize("count", [17, 65, 101, 1000])
def test_many_documents_are_short_and_distinct_and_the_best_is_the_last(count: int) -> None:
    documents = STRATEGIES.many(count)
    assert len(set(documents)) == len(documents) == count
    assert documents[-1] == STRATEGIES.mixed[-1]
    assert max(map(len, documents)) < 120
    assert set(documents) & set(DELICATE_TEXTS)


def test_the_fullest_body_has_every_option_and_cuts_nothing() -> None:
    for model in NEWEST.models.values():
        body = STRATEGIES.fullest(model)
        assert set(body) == {"model", "query", "documents", *STRATEGIES.optional(model)}
        assert body["top_n"] == len(body["documents"])
        assert STRATEGIES.fullest(model, documents="apple")["top_n"] == 1


def test_mixed_documents_are_left_out_where_long_ones_are_refused() -> None:
    assert replace(STRATEGIES, longest=100).mixed == STRATEGIES.corpus


@given(STRATEGIES.texts)
def test_texts_can_be_sent_and_are_not_blank(text: str) -> None:
    assert text.encode().decode() == text
    assert text.strip()


@pytest.mark.parametrize("text", DELICATE_TEXTS, ids=ascii)
def test_every_delicate_text_is_drawn(text: str) -> None:
    assert find(STRATEGIES.texts, lambda drawn: drawn == text) == text


@pytest.mark.parametrize("form", ["classic", "multimodal"])
def test_the_shortest_run_tries_something_of_every_keyword(form: str) -> None:
    models = [model for model in NEWEST.representatives() if model.form == form]
    every, telling = (
        {
            fault.pointer
            for fault in chain(*map(STRATEGIES.faults, models))
            if fault.telling or whole
        }
        for whole in (True, False)
    )
    assert telling == every


@pytest.mark.parametrize("field", ["top_n", "max_chunks_per_doc", "overlap_tokens"])
def test_the_shortest_run_coerces_integers_in_each_way(field: str) -> None:
    (telling,) = {
        tuple(sorted(fault.kind for fault in STRATEGIES.faults(model) if fault.field == field))
        for model in NEWEST.representatives()
        if field == "top_n" or field in SUPPORTS[model.id]
    }
    assert {"string", "boolean", "number"} < set(telling)
