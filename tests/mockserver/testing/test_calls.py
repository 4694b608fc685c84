"""Assertions about calls, and their failure messages."""

from collections.abc import Callable
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.serving.respx_router import BASE_URL
from mockserver.state.exchanges import BODY_BYTES
from mockserver.state.store import DEFAULT_KEY, State
from mockserver.testing.calls import LENGTH, Calls, describe
from mockserver.testing.fixtures import RerankMock
from tests.mockserver.asking import BGE, CATALOGUE, HEADERS, MULTIMODAL, ask, fields

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=5,
)


def calls(*bodies: object, key: str = DEFAULT_KEY) -> Calls:
    state = State(keys=[key])
    for body in bodies:
        ask(state, body, headers={**HEADERS, "authorization": f"Bearer {key}"})
    return RerankMock(BASE_URL, key, state).calls


def failure(assertion: Callable[[], None]) -> str:
    with pytest.raises(AssertionError) as caught:
        assertion()
    return str(caught.value)


# What was sent


def test_a_request_is_read_field_by_field() -> None:
    body = fields(
        instruction="Rank.", top_n=2, return_documents=True, max_chunks_per_doc=3, overlap_tokens=4
    )
    sent = calls(body).last.sent
    assert {name: getattr(sent, name) for name in body} == body
    assert sent.fields == body


def test_what_was_not_sent_is_none_and_a_text_alone_is_one_document() -> None:
    sent = calls({"model": BGE, "query": {"text": "a"}, "documents": "one"}).last.sent
    assert (sent.query, sent.documents, sent.top_n) == ({"text": "a"}, ["one"], None)


@pytest.mark.parametrize("name", ["model", "query", "documents", "top_n", "return_documents"])
def test_a_wrong_type_is_none_but_is_in_the_fields(name: str) -> None:
    wrong: object = True if name == "top_n" else 1.5
    sent = calls(fields(**{name: wrong})).last.sent
    assert getattr(sent, name) in (None, [])
    assert sent.fields[name] == wrong


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[1]", b"null"])
def test_a_body_that_is_no_object_asks_for_nothing(body: bytes) -> None:
    sent = calls(body).last.sent
    assert (sent.fields, sent.documents, sent.model) == ({}, [], None)


def test_a_body_of_which_the_journal_kept_a_part_is_not_read() -> None:
    state = State()
    ask(state, fields(query="a" * BODY_BYTES))
    with pytest.raises(ValueError, match=r"kept only 65,536 of 65,\d+ bytes"):
        _ = state.journal[0].sent


# What is asserted


def test_calls_are_a_list() -> None:
    seen = calls(fields(), fields(query="Pear"))
    assert (seen.called, seen.call_count, len(seen), bool(calls())) == (True, 2, 2, False)
    assert seen.last is seen[-1]
    assert calls() == []
    assert not calls().called


def test_nothing_was_called() -> None:
    calls().assert_not_called()
    nothing = "expected at least 1 call, but no request reached the mock"
    assert failure(calls().assert_called) == nothing
    assert failure(lambda: calls().assert_called_with(query="Apple")) == nothing
    assert failure(lambda: calls().assert_any_call(query="Apple")) == nothing
    assert failure(calls().assert_called_once) == nothing
    assert failure(lambda: print(calls().last)) == nothing


def test_one_call_too_many_is_reported_with_all_of_them() -> None:
    calls(fields()).assert_called_once()
    calls(fields()).assert_called()
    message = failure(calls(fields(), fields(top_n=0)).assert_called_once)
    assert message == (
        "expected 1 call, got 2:\n"
        "  call 1: POST /v1/rerank -> 200 answered\n"
        "  call 2: POST /v1/rerank -> 400 parameter_rule"
    )
    message = failure(calls(fields()).assert_not_called)
    assert message.startswith("expected no calls, got 1:\n  call 1: POST ")
    assert failure(calls(*[fields()] * 25).assert_called_once).endswith("\n  and 15 more")


def test_only_the_fields_that_are_named_are_looked_at() -> None:
    seen = calls(fields(top_n=2))
    seen.assert_called_with()
    seen.assert_called_with(top_n=2)
    seen.assert_called_once_with(query="Apple", documents=("banana", "an apple", "fruit"))
    seen.assert_any_call(model=ANY, documents=["banana", ANY, "fruit"])


@given(JSON, JSON)
def test_a_field_is_as_expected_if_json_says_so(sent: object, expected: object) -> None:
    seen = calls({"query": sent})
    seen.assert_called_with(query=sent)
    seen.assert_any_call(query=sent)
    if sent != expected:
        failure(lambda: seen.assert_called_with(query=expected))
        failure(lambda: seen.assert_any_call(query=expected))


def test_the_last_call_and_any_call_are_what_they_say() -> None:
    seen = calls(fields(query="a"), fields(query="b"))
    seen.assert_called_with(query="b")
    failure(lambda: seen.assert_called_with(query="a"))
    seen.assert_any_call(query="a")
    seen.assert_any_call(query="b")


def test_true_is_not_one() -> None:
    message = failure(lambda: calls(fields(top_n=True)).assert_called_with(top_n=1))
    assert "\n    top_n: expected 1, got true\n" in message


def test_advice_is_shown_with_the_difference() -> None:
    sent = fields(top_k=2, return_documents=None)
    assert failure(lambda: calls(sent).assert_called_with(top_n=2)).splitlines()[2:] == [
        "    top_n: expected 2, but it was missing",
        "    hint: `top_k`: did you mean `top_n`?",
    ]


def test_a_field_that_the_test_misspells_gets_a_suggestion() -> None:
    message = failure(lambda: calls(fields()).assert_called_with(topn=2))
    assert message.endswith("topn: expected 2, but it was missing; did you mean 'top_n'?")
    failure(lambda: calls(fields(top_n=1)).assert_called_with(top_n=True))
    calls(fields(top_n=1)).assert_called_with(top_n=1.0)


def test_the_last_call_is_compared_field_by_field() -> None:
    seen = calls(fields(), fields(query="apple", documents=["banana", "apple", "fruit"]))
    assert failure(
        lambda: seen.assert_called_with(
            model=BGE, query="Apple", documents=["banana", "an apple", "fruit"], top_n=1
        )
    ) == (
        "the last of 2 calls did not match:\n"
        "  call 2: POST /v1/rerank -> 200 answered\n"
        '    query: expected "Apple", got "apple"\n'
        '    documents[1]: expected "an apple", got "apple"\n'
        "    top_n: expected 1, but it was missing"
    )


def test_one_call_is_compared_once_it_is_the_only_one() -> None:
    seen = calls(fields())
    assert failure(lambda: seen.assert_called_once_with(query="Pear")).startswith(
        "the call did not match:\n"
    )
    twice = calls(fields(), fields())
    assert "expected 1 call, got 2" in failure(lambda: twice.assert_called_once_with(query="Apple"))


def test_the_nearest_call_is_shown() -> None:
    seen = calls(fields(query="a"), fields(query="b", top_n=2), fields(query="c"))
    message = failure(lambda: seen.assert_any_call(query="B", top_n=2))
    assert message == (
        "none of 3 calls matched; the nearest was:\n"
        "  call 2: POST /v1/rerank -> 200 answered\n"
        '    query: expected "B", got "b"'
    )
    assert "call 3: " in failure(lambda: seen.assert_any_call(query="d"))
    assert "call 2: " in failure(lambda: seen.assert_any_call(query="b", top_n=3))


def test_lists_of_other_lengths_are_shown_as_a_whole() -> None:
    message = failure(
        lambda: calls(fields(documents=["a", "b"])).assert_called_with(documents=["a"])
    )
    assert message.endswith('documents (length 2, expected 1): expected ["a"], got ["a", "b"]')


def test_contents_are_compared_too() -> None:
    seen = calls(fields(model=MULTIMODAL, documents=[{"text": "a"}, {"image": "b"}]))
    seen.assert_called_with(documents=[{"text": "a"}, {"image": "b"}])
    assert 'documents[1]: expected {"image": "c"}, got {"image": "b"}' in failure(
        lambda: seen.assert_called_with(documents=[{"text": "a"}, {"image": "c"}])
    )


def test_long_values_are_cut_to_where_they_differ() -> None:
    text = "a" * 5000
    seen = calls(fields(query=text + "b" + text))
    message = failure(lambda: seen.assert_called_with(query=text + "c" + text))
    assert "query, from character 4980: " in message
    assert 'expected "aaaaaaaaaaaaaaaaaaaac' in message
    assert 'got "aaaaaaaaaaaaaaaaaaaab' in message
    assert len(message) < 3 * LENGTH
    assert "(10,003 characters)" in failure(lambda: seen.assert_called_with(query=1))


@pytest.mark.parametrize(
    ("scenario", "shown"),
    [
        ("closed_before_answer", "the connection was closed before the answer"),
        ("connection_reset", "the connection was reset"),
        ("closed_in_body", "200 answered, but the connection was closed in the body"),
        ("connection_refused", "the connection was refused"),
        ("connection_timed_out", "connecting timed out"),
    ],
)
def test_a_call_whose_answer_was_lost_is_shown_without_one(scenario: str, shown: str) -> None:
    state = State()
    state.arm("account-1", CATALOGUE[scenario])
    ask(state, fields())
    assert describe(1, state.journal[0]) == f"call 1: POST /v1/rerank -> {shown}"


def test_many_differences_are_counted() -> None:
    documents = list(map(str, range(30)))
    message = failure(
        lambda: calls(fields(documents=documents)).assert_called_with(documents=["x"] * 30)
    )
    assert message.count("expected") == 10
    assert message.endswith("and 20 more differences")
    message = failure(
        lambda: calls(fields(documents=documents[:11])).assert_called_with(documents=["x"] * 11)
    )
    assert message.endswith("and 1 more difference")


@pytest.mark.parametrize("key", [DEFAULT_KEY, "sk-" + "0123456789abcdef" * 2])
def test_no_key_is_in_a_message(key: str) -> None:
    seen = calls(fields(query=f"{key} is secret"), key=key)
    message = failure(lambda: seen.assert_called_with(query=f"key {key}", documents=[key]))
    assert key not in message
    assert "key [redacted]" in message


def test_what_moves_the_cursor_is_escaped() -> None:
    message = failure(lambda: calls(fields()).assert_called_with(query="\x1b[2J\u202e"))
    assert message.isascii()
    assert "\x1b" not in message
