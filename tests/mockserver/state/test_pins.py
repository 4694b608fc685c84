import json
from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.scenarios.scenario import Edit, Scenario, Step
from mockserver.scoring import Content
from mockserver.state.pins import Pin, PinError, ScoreFunction, load_pins, read_pins
from mockserver.state.store import State
from mockserver.testing.fixtures import RerankMock
from tests.mockserver.asking import BGE, HEADERS, MULTIMODAL, QWEN, ask, fields, rerank
from tests.schemas.data import TABLE_SCHEMAS, errors

ACCOUNT = "account-1"
DOCUMENTS: list[str] = fields()["documents"]
TEXTS = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=6, unique=True)


def pinned(*pins: Pin) -> State:
    state = State()
    state.pin(ACCOUNT, pins)
    return state


def scores(state: State, **changes: object) -> dict[str, float]:
    results = rerank(state, return_documents=True, **changes)["results"]
    return {result["document"]["text"]: result["relevance_score"] for result in results}


def plausible(**changes: object) -> dict[str, float]:
    return scores(State(), **changes)


def test_a_pinned_score_is_given_and_the_others_keep_their_own() -> None:
    seen = scores(pinned(Pin(scores={"banana": 0.42})))
    assert seen == {**plausible(), "banana": 0.42}
    assert list(seen.values()) == sorted(seen.values(), reverse=True)


def test_equal_scores_stand_in_the_order_of_the_documents() -> None:
    for documents in permutations(DOCUMENTS):
        tied = pinned(Pin(scores=dict.fromkeys(documents, 0.5)))
        assert tuple(scores(tied, documents=documents)) == documents


@given(TEXTS, st.data())
def test_a_pinned_order_is_kept_and_what_it_does_not_name_follows(
    documents: list[str], data: st.DataObject
) -> None:
    order = data.draw(st.lists(st.sampled_from(documents), unique=True))
    seen = scores(pinned(Pin(order=tuple(order))), documents=documents)
    rest = [text for text in plausible(documents=documents) if text not in order]
    assert list(seen) == [*order, *rest]
    assert all(0 < score < 1 for score in seen.values())


def test_the_score_of_an_order_does_not_depend_on_the_other_documents() -> None:
    state = pinned(Pin(order=("banana", "fruit")))
    together = scores(state)
    assert {text: scores(state, documents=[text])[text] for text in DOCUMENTS} == together


def test_a_pin_may_speak_of_one_query_or_model_alone() -> None:
    state = pinned(
        Pin(scores={"banana": 0.11}, query="Apple", model=QWEN),
        Pin(scores={"banana": 0.22}, query="Apple"),
        Pin(scores={"banana": 0.33}, model=BGE),
    )
    assert scores(state, model=QWEN)["banana"] == 0.11
    assert scores(state)["banana"] == 0.22
    assert scores(state, query="Pear")["banana"] == 0.33
    assert scores(state, query="Pear", model=QWEN) == plausible(query="Pear", model=QWEN)


def test_the_last_that_was_pinned_speaks_first() -> None:
    state = pinned(Pin(scores={"banana": 0.1, "fruit": 0.1}))
    state.pin(ACCOUNT, [Pin(scores={"banana": 0.9})])
    assert (scores(state)["banana"], scores(state)["fruit"]) == (0.9, 0.1)


def test_a_content_is_pinned_by_its_text() -> None:
    documents = [{"text": "banana", "image": "https://example.com/1.png"}, "fruit"]
    state = pinned(Pin(scores={"banana": 0.99}, query="Apple"))
    answer = rerank(state, model=MULTIMODAL, query={"text": "Apple"}, documents=documents)
    assert answer["results"][0]["relevance_score"] == 0.99


def test_pins_are_the_accounts_own_and_can_be_taken_away() -> None:
    state = pinned(Pin(scores={"banana": 0.42}))
    other = {**HEADERS, "authorization": f"Bearer {state.open_account()}"}
    untouched = ask(state, fields(return_documents=True), headers=other)
    assert b"0.42" not in untouched.body
    state.unpin(ACCOUNT)
    assert scores(state) == plausible()


def test_a_step_of_a_scenario_goes_before_a_pin() -> None:
    state = pinned(Pin(scores={"banana": 0.42}))
    state.arm(ACCOUNT, Scenario("x", (Step(answer=Edit(scores=(0.77,))),)))
    assert [scores(state)["banana"] for _ in range(2)] == [0.77, 0.42]


# By a function


def by_length(_query: Content, documents: Sequence[Content]) -> Sequence[float | None]:
    return [len(text) / 100 if text != "fruit" else None for text in documents]


@pytest.mark.memory
def test_a_function_scores_and_may_leave_documents_to_others() -> None:
    state = pinned(Pin(scores={"banana": 0.9, "fruit": 0.8}))
    state.pin(ACCOUNT, by_length)
    assert scores(state) == {"fruit": 0.8, "an apple": 0.08, "banana": 0.06}


@pytest.mark.memory
def test_a_function_that_returns_too_few_scores_is_an_error() -> None:
    state = State()
    few: ScoreFunction = lambda _query, _documents: [0.5]  # noqa: E731 - typed at once
    state.pin(ACCOUNT, few)
    with pytest.raises(PinError, match="returned 1 score for 3 documents"):
        rerank(state)


@pytest.mark.memory
@pytest.mark.parametrize("score", ["x", "0.5", True, float("nan"), float("inf"), [1], {}])
def test_a_function_that_returns_what_is_no_score_is_an_error(
    score: Any,  # noqa: ANN401 - of any type
) -> None:
    state = State()
    state.pin(ACCOUNT, lambda _query, documents: [None, score, 0.5][: len(documents)])
    with pytest.raises(PinError, match="as the score of document 1: expected a finite number"):
        rerank(state)


@pytest.mark.memory
def test_a_function_may_return_any_real_number() -> None:
    state = State()
    odd: Any = [1, Fraction(1, 2), 0.25]
    state.pin(ACCOUNT, lambda _query, _documents: odd)
    assert list(scores(state).values()) == [1, 0.5, 0.25]


# As data


@pytest.mark.memory
def test_pins_come_back_with_a_rollback_and_functions_stay() -> None:
    state = pinned(Pin(scores={"banana": 0.4}, query="Apple"), Pin(order=("fruit",), model=BGE))
    snapshot = json.loads(json.dumps(state.snapshot()))
    before = state.pins(ACCOUNT)
    state.unpin(ACCOUNT)
    state.pin(ACCOUNT, by_length)
    state.rollback(snapshot)
    assert state.pins(ACCOUNT) == before
    assert scores(state)["banana"] == 0.06


@given(
    st.builds(
        Pin,
        scores=st.dictionaries(st.text(max_size=3), st.floats(-3, 3), max_size=2),
        order=st.lists(st.text(max_size=3), unique=True, max_size=3).map(tuple),
        query=st.none() | st.text(max_size=3),
        model=st.none() | st.text(max_size=3),
    ).filter(lambda pin: pin.named)
)
def test_a_pin_is_the_same_as_data(pin: Pin) -> None:
    rows = json.loads(json.dumps([pin.to_json()]))
    assert errors(TABLE_SCHEMAS["pins"], rows) == []
    assert read_pins(rows) == [pin]


@pytest.mark.parametrize("row", [{}, {"scores": {}}, {"order": []}, {"query": "a"}], ids=str)
def test_a_pin_of_a_file_that_names_no_document_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(PinError) as caught:
        read_pins([{"order": ["a"]}, row])
    assert str(caught.value) == "$[1]: names no document in `scores` or `order`"


@pytest.mark.parametrize("name", ["rerank_mock", "rerank_server"])
def test_a_file_of_golden_rankings_is_obeyed(
    request: pytest.FixtureRequest, name: str, tmp_path: Path
) -> None:
    def indices(mock: RerankMock) -> list[int]:
        account = mock.state.account_of(mock.api_key)
        assert account is not None
        mock.state.pin(account.name, load_pins(path))
        headers = {"Authorization": f"Bearer {mock.api_key}"}
        response = httpx.post(f"{mock.base_url}/rerank", json=fields(), headers=headers)
        return [result["index"] for result in response.json()["results"]]

    path = tmp_path / "golden.json"
    path.write_text(json.dumps([{"query": "Apple", "order": ["fruit", "banana"]}]))
    assert indices(request.getfixturevalue(name)) == [2, 0, 1]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[", "is not JSON"),
        ("{}", '{} is not of type "array"'),
        ('[{"oder": []}]', "$[0]: unknown member 'oder'; did you mean 'order'?"),
        ('[{"scores": {"a": "1"}}]', '$[0].scores.a: "1" is not of type "number"'),
        ('[{"order": ["a", "a"]}]', "$[0].order: "),
        ('[{"query": "a", "query": "b"}]', "has the key 'query' twice"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(
    tmp_path: Path, content: str, complaint: str
) -> None:
    path = tmp_path / "golden.json"
    path.write_text(content)
    with pytest.raises(PinError) as caught:
        load_pins(path)
    assert str(caught.value).startswith(f"{path}: {complaint}")


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(PinError, match="cannot be read: No such file"):
        load_pins(tmp_path / "none.json")
