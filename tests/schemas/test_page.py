"""What each page says is stated once more, as literals, so that nothing changes by accident."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .data import REVISIONS, Json, Revision, errors

CURL_BODY: Json = {
    "model": "BAAI/bge-reranker-v2-m3",
    "query": "Apple",
    "documents": ["apple", "banana", "fruit", "vegetable"],
    "return_documents": True,
    "top_n": 4,
}
SAMPLE_RESULTS: Json = [
    {"index": 1, "document": {"text": "深度学习是机器学习的子集..."}, "relevance_score": 0.85}
]
SAMPLE_RESPONSE: Json = {
    "id": "rerank-20240115-abc123def456",
    "results": SAMPLE_RESULTS,
    "meta": {
        "tokens": {"input_tokens": 150, "output_tokens": 10, "image_tokens": 0},
        "billed_units": {
            "input_tokens": 150,
            "output_tokens": 10,
            "image_tokens": 0,
            "search_units": 1,
            "classifications": 0,
        },
    },
}
FIELD_EXAMPLES: dict[str, Json] = {
    "model": "BAAI/bge-reranker-v2-m3",
    "query": "Apple",
    "documents": "apple",
    "instruction": "Please rerank the documents based on the query.",
    "top_n": 4,
}
BGE, PRO, BCE = (
    "BAAI/bge-reranker-v2-m3",
    "Pro/BAAI/bge-reranker-v2-m3",
    "netease-youdao/bce-reranker-base_v1",
)
QWEN = [f"Qwen/Qwen3-Reranker-{size}" for size in ("0.6B", "4B", "8B")]


class Page(NamedTuple):
    """What one revision of the page says."""

    forms: list[str]
    models: set[str]
    #: Field -> the models that support it, of fields that not every model takes or may not take.
    gates: dict[str, set[str]]
    #: In their order.
    fields: list[str]
    defaults: dict[str, Json]
    #: Integer field -> its bounds; None where there is none.
    ranges: dict[str, tuple[int | None, int | None]]
    #: Whether a text may be empty, by field.
    empty_texts: dict[str, bool]
    one_text_as_documents: bool
    #: The smallest valid answer.
    answer: dict[str, Json]
    #: Statuses whose body is published.
    statuses: set[int]


PAGES = {
    "2024-11": Page(
        forms=["request.classic"],
        models={BGE, BCE},
        gates={"max_chunks_per_doc": {BGE, BCE}, "overlap_tokens": {BGE, BCE}},
        fields=[
            "model",
            "query",
            "documents",
            "top_n",
            "return_documents",
            "max_chunks_per_doc",
            "overlap_tokens",
        ],
        defaults={"return_documents": False, "max_chunks_per_doc": 1024, "overlap_tokens": 80},
        ranges={
            "top_n": (None, None),
            "max_chunks_per_doc": (None, None),
            "overlap_tokens": (None, 80),
        },
        empty_texts={"query": True},
        one_text_as_documents=False,
        answer={"id": "x", "results": [], "tokens": {"input_tokens": 1, "output_tokens": 0}},
        statuses={401, 404},
    ),
    "2026-07": Page(
        forms=["request.classic", "request.multimodal"],
        models={BGE, PRO, BCE, *QWEN, "Qwen/Qwen3-VL-Reranker-8B"},
        gates={
            "instruction": set(QWEN),
            "max_chunks_per_doc": {BGE, PRO, BCE},
            "overlap_tokens": {BGE, PRO, BCE},
        },
        fields=[
            "model",
            "query",
            "documents",
            "instruction",
            "top_n",
            "return_documents",
            "max_chunks_per_doc",
            "overlap_tokens",
        ],
        defaults={"return_documents": False, "max_chunks_per_doc": 1024},
        ranges={"top_n": (1, None), "max_chunks_per_doc": (1, None), "overlap_tokens": (0, 80)},
        empty_texts={"query": False, "instruction": False},
        one_text_as_documents=True,
        answer={"id": "x", "results": []},
        statuses={400, 401, 403, 404, 429, 503, 504},
    ),
}


class Published(NamedTuple):
    """A revision, and what its page says."""

    revision: Revision
    page: Page

    def valid(self, name: str, instance: Json) -> bool:
        return not errors(self.revision.schemas[name], instance)

    def valid_in_each_form(self, **changes: Json) -> bool:
        verdicts = {self.valid(form, {**CURL_BODY, **changes}) for form in self.page.forms}
        assert len(verdicts) == 1, "the forms disagree"
        return verdicts.pop()


@pytest.fixture(scope="module", params=list(PAGES))
def published(request: pytest.FixtureRequest) -> Published:
    name = str(request.param)
    return Published(REVISIONS[name], PAGES[name])


def test_every_revision_is_stated_here() -> None:
    assert PAGES.keys() == REVISIONS.keys()


def test_the_curl_body_is_valid_in_each_form(published: Published) -> None:
    assert published.valid_in_each_form()


def test_the_forms_and_models_are_those_of_the_page(published: Published) -> None:
    assert published.revision.forms == published.page.forms
    assert {row["id"] for row in published.revision.tables["models"]} == published.page.models


def test_the_models_are_gated_as_the_page_says(published: Published) -> None:
    rows = published.revision.tables["models"]
    gated = {field for row in rows for field in row["supports"]}
    assert published.page.gates == {
        field: {row["id"] for row in rows if field in row["supports"]} for field in gated
    }


def test_the_fields_are_those_of_the_page(published: Published) -> None:
    for form in published.page.forms:
        schema = published.revision.schemas[form]
        assert list(schema["properties"]) == published.page.fields
        assert schema["required"] == ["model", "query", "documents"]


def test_the_defaults_are_those_of_the_page(published: Published) -> None:
    properties = published.revision.schemas["request.classic"]["properties"]
    assert published.page.defaults == {
        name: field["default"] for name, field in properties.items() if "default" in field
    }


def test_an_answer_must_have_what_the_page_requires_only(published: Published) -> None:
    answer = published.page.answer
    assert published.valid("response", answer)
    assert published.valid("response", {**answer, "results": SAMPLE_RESULTS, "surplus": None})
    for name in answer:
        assert not published.valid("response", {k: v for k, v in answer.items() if k != name})


def test_errors_with_a_published_body_have_the_published_statuses(published: Published) -> None:
    rows = published.revision.tables["errors"]
    assert {row["status"] for row in rows if row["level"] == "spec"} == published.page.statuses


@given(number=st.integers(-3, 100) | st.integers())
def test_integers_are_held_in_the_ranges_of_the_page(published: Published, number: int) -> None:
    for field, (low, high) in published.page.ranges.items():
        inside = (low is None or low <= number) and (high is None or number <= high)
        assert published.valid_in_each_form(**{field: number}) == inside


@given(text=st.text(max_size=3))
def test_a_text_is_empty_where_the_page_lets_it(published: Published, text: str) -> None:
    for field, may_be_empty in published.page.empty_texts.items():
        assert published.valid_in_each_form(**{field: text}) == (may_be_empty or text != "")


@given(documents=st.text(max_size=3) | st.lists(st.text(max_size=3), max_size=3))
def test_documents_are_an_array_of_at_least_one_text_or_a_text_where_the_page_says_so(
    published: Published, documents: str | list[str]
) -> None:
    expected = (
        published.page.one_text_as_documents if isinstance(documents, str) else bool(documents)
    )
    assert published.valid_in_each_form(documents=documents) == expected


def test_the_sample_response_of_today_is_valid() -> None:
    assert not errors(REVISIONS["2026-07"].schemas["response"], SAMPLE_RESPONSE)


@pytest.mark.parametrize("field", FIELD_EXAMPLES)
def test_the_example_of_a_field_is_valid_and_in_the_schema(field: str) -> None:
    revision = REVISIONS["2026-07"]
    for form in revision.forms:
        assert not errors(revision.schemas[form], {**CURL_BODY, field: FIELD_EXAMPLES[field]})
    examples = revision.schemas["request.classic"]["properties"][field]["examples"]
    assert FIELD_EXAMPLES[field] in examples


@pytest.mark.parametrize(
    "tokens",
    [None, 1, {}, {"input_tokens": 1}, {"output_tokens": 1}]
    + [{"input_tokens": count, "output_tokens": 0} for count in ("1", 0.5, None)],
)
def test_tokens_of_2024_are_two_integers(tokens: Json) -> None:
    answer = {**PAGES["2024-11"].answer, "tokens": tokens}
    assert errors(REVISIONS["2024-11"].schemas["response"], answer)
