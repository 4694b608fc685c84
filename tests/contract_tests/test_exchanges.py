import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.contract import AnyJson
from contract_tests.exchanges import Credential, Exchange, Layout, Request, member
from tests.contract_tests.exchanging import ANSWER, answer, exchange, ranking

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=10,
)


@given(VALUES.filter(lambda value: value is not None))
def test_what_is_sent_is_the_body_as_json(body: AnyJson) -> None:
    assert json.loads(Request(body).content or b"") == body


def test_bytes_are_sent_as_they_are_and_none_sends_no_body() -> None:
    assert Request(b"{").content == b"{"
    assert Request(None).content is None


@given(VALUES)
def test_json_in_an_answer_is_read_as_it_was_written(value: AnyJson) -> None:
    read = answer(json.dumps(value).encode())
    assert read.is_json
    assert read.json == value


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"{'a': 1}", b"NaN", b'{"a": Infinity}', b"-Infinity", b"\xff"),
        "{}".encode("utf-16"),
        b"[" * 100_000,
    ],
    ids=repr,
)
def test_what_is_not_strictly_json_is_not_read(body: bytes) -> None:
    assert not answer(body).is_json
    assert answer(body).json is None


def test_the_text_of_an_answer_can_always_be_printed() -> None:
    assert answer(b"caf\xe9").text == "caf\ufffd"


@pytest.mark.parametrize(
    ("value", "names", "found"),
    [
        ({"a": {"b": 1}}, ("a", "b"), 1),
        ({"a": {"b": 1}}, ("a",), {"b": 1}),
        ({"a": None}, ("a", "b"), None),
        ({"a": [1]}, ("a", "b"), None),
        ([], ("a",), None),
        (None, ("a",), None),
    ],
)
def test_a_member_is_found_or_nothing_is(
    value: AnyJson, names: tuple[str, ...], found: AnyJson
) -> None:
    assert member(value, *names) == found


def test_results_are_read_in_their_order() -> None:
    read = ranking((1, 0.5), (0, 2)).ranking
    assert [(result.index, result.score) for result in read or ()] == [(1, 0.5), (0, 2)]


@pytest.mark.parametrize(
    "results",
    [
        None,
        {},
        [0],
        [{"index": "0", "relevance_score": 0.5}],
        [{"index": True, "relevance_score": 0.5}],
        [{"index": 0.5, "relevance_score": 0.5}],
        [{"index": 0, "relevance_score": True}],
        [{"index": 0, "relevance_score": None}],
        [{"index": 0}],
        [{"index": 0, "relevance_score": 0.5}, {"relevance_score": 0.25}],
    ],
)
def test_results_of_another_shape_are_no_ranking(results: AnyJson) -> None:
    assert exchange(received={**ANSWER, "results": results}).ranking is None


def test_a_refusal_has_no_ranking() -> None:
    assert exchange(status=400).ranking is None


def test_an_empty_ranking_is_one() -> None:
    assert ranking().ranking == ()


@pytest.mark.parametrize(
    ("sent", "documents"),
    [
        ({"documents": ["a", "b"]}, ["a", "b"]),
        ({"documents": "a"}, ["a"]),
        ({"documents": 1}, []),
        ({}, []),
        (b"{", []),
    ],
)
def test_documents_are_those_that_were_sent(sent: AnyJson, documents: list[AnyJson]) -> None:
    assert exchange(sent).documents == documents


def test_where_an_exchange_stands_in_the_run_does_not_tell_it_from_another() -> None:
    one, other = (Exchange(Request({}), answer(), number) for number in (1, 2))
    assert one == other


def test_no_credential_holds_a_key() -> None:
    assert {str(credential.value) for credential in Credential} == {
        "Bearer $SILICONFLOW_API_KEY",
        "$SILICONFLOW_API_KEY",
        "Bearer $SILICONFLOW_SECOND_API_KEY",
        "Bearer sk-rerank-contract-invalid-key",
        "Bearer ${SILICONFLOW_API_KEY%?}",
        "Bearer ${SILICONFLOW_API_KEY}x",
        "Bearer $(echo $SILICONFLOW_API_KEY | tr A-Za-z a-zA-Z)",
        "Bearer",
        "None",
    }


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        (Layout(), '{"a": "é/", "b": [1]}'),
        (Layout(escaped=True), '{"a": "\\u00e9\\/", "b": [1]}'),
        (Layout(indent=1), '{\n "a": "é/",\n "b": [\n  1\n ]\n}'),
        (Layout(padded=True), '{ "a": "é/", "b": [1] }'),
    ],
)
def test_json_is_written_in_each_layout(layout: Layout, text: str) -> None:
    request = Request({"a": "é/", "b": [1]}, layout=layout)
    assert request.content == text.encode()
    assert json.loads(text) == request.body
