"""What the published page shows is valid, and its ranges end where it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .data import CONTRACT, Json, errors

CURL_BODY: Json = {
    "model": "BAAI/bge-reranker-v2-m3",
    "query": "Apple",
    "documents": ["apple", "banana", "fruit", "vegetable"],
    "return_documents": True,
    "top_n": 4,
}
SAMPLE_RESPONSE: Json = {
    "id": "rerank-20240115-abc123def456",
    "results": [
        {"index": 1, "document": {"text": "深度学习是机器学习的子集..."}, "relevance_score": 0.85}
    ],
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
FORMS = ["request.classic", "request.multimodal"]


def valid(name: str, instance: Json) -> bool:
    return not errors(CONTRACT[name], instance)


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_curl_body_is_valid_in_both_forms(form: str) -> None:
    assert valid(form, CURL_BODY)


def test_the_sample_response_is_valid() -> None:
    assert valid("response", SAMPLE_RESPONSE)


@pytest.mark.parametrize("field", FIELD_EXAMPLES)
def test_the_example_of_a_field_is_valid_and_in_the_schema(form: str, field: str) -> None:
    assert valid(form, {**CURL_BODY, field: FIELD_EXAMPLES[field]})
    assert FIELD_EXAMPLES[field] in CONTRACT["request.classic"]["properties"][field]["examples"]


def test_the_fields_are_those_of_the_page(form: str) -> None:
    schema = CONTRACT[form]
    assert list(schema["properties"]) == [
        "model",
        "query",
        "documents",
        "instruction",
        "top_n",
        "return_documents",
        "max_chunks_per_doc",
        "overlap_tokens",
    ]
    assert schema["required"] == ["model", "query", "documents"]


def test_the_defaults_are_those_of_the_page() -> None:
    properties = CONTRACT["request.classic"]["properties"]
    assert {name: field["default"] for name, field in properties.items() if "default" in field} == {
        "return_documents": False,
        "max_chunks_per_doc": 1024,
    }


def test_an_answer_must_have_an_id_and_results_only() -> None:
    assert valid("response", {"id": "x", "results": []})
    assert not valid("response", {"id": "x"})
    assert not valid("response", {"results": []})


@given(number=st.integers(-3, 100) | st.integers())
def test_integers_are_held_in_the_ranges_of_the_page(number: int) -> None:
    for form in FORMS:
        assert valid(form, {**CURL_BODY, "top_n": number}) == (number >= 1)
        assert valid(form, {**CURL_BODY, "max_chunks_per_doc": number}) == (number >= 1)
        assert valid(form, {**CURL_BODY, "overlap_tokens": number}) == (0 <= number <= 80)


@given(text=st.text(max_size=3))
def test_texts_have_at_least_one_character(text: str) -> None:
    for form in FORMS:
        assert valid(form, {**CURL_BODY, "query": text}) == (len(text) >= 1)
        assert valid(form, {**CURL_BODY, "instruction": text}) == (len(text) >= 1)


@given(documents=st.text(max_size=3) | st.lists(st.text(max_size=3), max_size=3))
def test_documents_are_a_text_or_at_least_one_text(documents: str | list[str]) -> None:
    for form in FORMS:
        expected = isinstance(documents, str) or len(documents) >= 1
        assert valid(form, {**CURL_BODY, "documents": documents}) == expected
