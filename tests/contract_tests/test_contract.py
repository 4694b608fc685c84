import pytest

from contract_tests.contract import AnyJson
from tests.contract_tests.exchanging import ANSWER, BODY
from tests.contract_tests.newest import NEWEST
from tests.schemas.data import CONTRACT, TABLES, constraints

RESULT: AnyJson = {"index": 0, "relevance_score": 0.5}


def with_result(**changes: AnyJson) -> AnyJson:
    return {**ANSWER, "results": [{**RESULT, **changes}]}


#: Schema -> requirement, an instance that breaks it alone, and where.
BROKEN: list[tuple[str, str, AnyJson, str]] = [
    ("request.classic", "request.body.type", [], "$"),
    ("request.classic", "request.model.required", {"query": "a", "documents": "a"}, "$"),
    ("request.classic", "request.model.type", {**BODY, "model": 1}, "$.model"),
    ("request.classic", "request.query.minLength", {**BODY, "query": ""}, "$.query"),
    ("request.classic", "request.documents.minItems", {**BODY, "documents": []}, "$.documents"),
    (
        "request.classic",
        "request.documents.items.type",
        {**BODY, "documents": ["a", 1]},
        "$.documents[1]",
    ),
    ("request.classic", "request.top_n.minimum", {**BODY, "top_n": 0}, "$.top_n"),
    (
        "request.classic",
        "request.overlap_tokens.maximum",
        {**BODY, "overlap_tokens": 81},
        "$.overlap_tokens",
    ),
    ("request.multimodal", "request.top_n.minimum", {**BODY, "top_n": 0}, "$.top_n"),
    ("request.multimodal", "request.query.minLength", {**BODY, "query": ""}, "$.query"),
    ("request.multimodal", "request.query.type", {**BODY, "query": 1}, "$.query"),
    (
        "request.multimodal",
        "request.multimodal.content",
        {**BODY, "documents": [{"text": 1}]},
        "$.documents[0].text",
    ),
    ("request.multimodal", "request.multimodal.content", {**BODY, "query": {}}, "$.query"),
    ("response", "response.body.type", [], "$"),
    ("response", "response.id.required", {"results": []}, "$"),
    ("response", "response.id.type", {**ANSWER, "id": ""}, "$.id"),
    ("response", "response.results.type", {**ANSWER, "results": [1]}, "$.results[0]"),
    ("response", "response.results.index.range", with_result(index=-1), "$.results[0].index"),
    (
        "response",
        "response.results.relevance_score.type",
        with_result(relevance_score="1"),
        "$.results[0].relevance_score",
    ),
    (
        "response",
        "response.results.document.type",
        with_result(document=1),
        "$.results[0].document",
    ),
    (
        "response",
        "response.meta.count.minimum",
        {**ANSWER, "meta": {"tokens": {"output_tokens": -1}}},
        "$.meta.tokens.output_tokens",
    ),
    (
        "response",
        "response.meta.count.type",
        {**ANSWER, "meta": {"billed_units": {"search_units": "0"}}},
        "$.meta.billed_units.search_units",
    ),
    ("error", "error.body.family", {}, "$"),
    ("error", "error.body.family", "", "$"),
    ("error", "error.body.family", {"message": ""}, "$.message"),
]


@pytest.mark.parametrize(("schema", "requirement", "instance", "path"), BROKEN)
def test_a_breach_names_its_requirement_and_its_place(
    schema: str, requirement: str, instance: AnyJson, path: str
) -> None:
    (breach,) = NEWEST.broken_keywords(schema, instance)
    assert (breach.requirement, breach.path) == (requirement, path)


def test_each_missing_member_is_a_breach_of_its_own() -> None:
    breaches = list(NEWEST.broken_keywords("response", {}))
    missing = {breach.requirement: breach.expected for breach in breaches}
    assert len(missing) == len(breaches) > 1
    assert missing == {
        "response.id.required": "`id`",
        "response.results.required": "`results`",
    }


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ("request.classic", BODY),
        ("request.multimodal", {**BODY, "documents": ["a", {"image": "b"}, {"video": "c"}]}),
        ("response", ANSWER),
        ("response", {**ANSWER, "meta": {}, "more": 1}),
        ("error", "Invalid token"),
        ("error", {"message": "no", "data": None}),
    ],
)
def test_what_is_valid_has_no_breach(schema: str, instance: AnyJson) -> None:
    assert not list(NEWEST.broken_keywords(schema, instance))


def test_every_keyword_of_every_schema_states_a_requirement() -> None:
    everywhere = {
        pointer for name, schema in CONTRACT.items() for pointer in constraints(schema, f"{name}#")
    }
    assert everywhere == NEWEST.stated_by.keys()


def test_keywords_of_a_reference_come_with_where_they_stand() -> None:
    assert NEWEST.keywords("request.multimodal#/properties/top_n") == NEWEST.keywords(
        "request.classic#/properties/top_n"
    )
    query = NEWEST.keywords("request.multimodal#/properties/query")
    assert query["minLength"] == ("request.multimodal#/properties/query/minLength", 1)
    assert query["anyOf"][0] == "request.multimodal#/$defs/content/anyOf"


def test_the_tables_are_read_as_they_are_written() -> None:
    assert list(NEWEST.requirements) == [row["id"] for row in TABLES["requirements"]]
    assert {name: sorted(model.supports or ()) for name, model in NEWEST.models.items()} == {
        row["id"]: sorted(row["supports"]) for row in TABLES["models"]
    }


def test_the_models_that_are_judged_are_the_cheapest_of_each_kind() -> None:
    kinds: dict[tuple[str, ...], AnyJson] = {}
    for row in TABLES["models"]:
        kind = (row["form"], *sorted(row["supports"]))
        price = float(row["price"]["text"]) if row["price"] else float("inf")
        if row["state"] == "online" and price < kinds.get(kind, ("", float("inf")))[1]:
            kinds[kind] = (row["id"], price)
    assert {model.id for model in NEWEST.representatives()} == {name for name, _ in kinds.values()}


def test_of_a_model_that_the_page_does_not_name_nothing_is_assumed() -> None:
    model = NEWEST.model_named("someone/else")
    assert (model.id, model.form, model.supports) == ("someone/else", "classic", None)
    assert NEWEST.model_named("Qwen/Qwen3-VL-Reranker-8B").form == "multimodal"
