from dataclasses import replace
from typing import Any

import pytest

from mockserver.state.clock import Clock
from mockserver.state.models import ModelError
from mockserver.state.store import State
from tests.mockserver.asking import (
    AUTHORIZATION,
    BGE,
    MODELS,
    OFFLINE,
    PRESETS,
    QWEN,
    ask,
    fields,
    read,
)

NOON = 1_800_000_000.0


def frozen() -> State:
    return State(behaviour=PRESETS["page"], clock=Clock(NOON))


def listed(state: State) -> set[str]:
    answer = ask(state, method="GET", path="/v1/models", headers=AUTHORIZATION)
    return {model["id"] for model in read(answer)["data"]}


def test_a_model_goes_offline_and_comes_back_by_command() -> None:
    state = frozen()
    state.change_model(BGE, state="offline")
    assert ask(state, fields()).status == 403
    assert BGE not in listed(state)
    state.change_model(BGE, state="online")
    assert ask(state, fields()).status == 200
    assert BGE in listed(state)


def test_a_model_goes_offline_and_comes_back_at_its_time() -> None:
    state = frozen()
    state.change_model(BGE, at=NOON + 20, state="online")
    state.change_model(BGE, at=NOON + 10, state="offline")
    state.clock.advance(9.999)
    assert BGE in listed(state)
    state.clock.advance(0.001)
    assert BGE not in listed(state)
    assert ask(state, fields()).status == 403
    state.clock.advance(10)
    assert ask(state, fields()).status == 200


def test_all_that_was_due_happens_in_its_order() -> None:
    state = frozen()
    state.change_model(BGE, at=NOON + 10, state="offline")
    state.change_model(BGE, at=NOON + 10, state="online")
    state.change_model(QWEN, at=NOON + 20, state="online")
    state.change_model(QWEN, at=NOON + 10, state="offline")
    state.clock.advance(100)
    assert {BGE, QWEN} <= listed(state)


def test_a_command_does_not_overtake_what_is_due() -> None:
    state = frozen()
    state.change_model(BGE, at=NOON + 10, state="offline")
    state.clock.advance(10)
    state.change_model(BGE, state="online")
    assert BGE in listed(state)


def test_what_came_to_pass_is_not_undone_by_setting_the_clock_back() -> None:
    state = frozen()
    state.change_model(BGE, at=NOON + 10, state="offline")
    state.clock.advance(10)
    assert BGE not in listed(state)
    state.clock.freeze(NOON)
    assert BGE not in listed(state)


def test_a_command_is_carried_out_before_anybody_looks() -> None:
    state = frozen()
    state.change_model(BGE, state="offline")
    state.clock.freeze(NOON - 10)
    assert BGE not in listed(state)


def test_a_model_loses_and_gains_a_gated_field() -> None:
    state = frozen()
    asked = fields(model=QWEN, instruction="Rank fruit")
    state.change_model(QWEN, at=NOON + 10, supports=[])
    assert ask(state, asked).status == 200
    state.clock.advance(10)
    assert ask(state, asked).status == 400
    state.change_model(QWEN, supports=["instruction", "overlap_tokens"])
    assert ask(state, {**asked, "overlap_tokens": 1}).status == 200


def test_a_model_changes_its_price() -> None:
    state = frozen()
    state.change_model(BGE, price={"text": "1000000", "image": "0"})
    assert ask(state, fields(query="a", documents="b c")).status == 200
    assert state.accounts["account-1"].total_balance == 97


def test_a_change_leaves_the_rest_as_it_is_and_other_mocks_alone() -> None:
    state = frozen()
    state.change_model(OFFLINE, state="online")
    assert state.models[OFFLINE].price == MODELS[OFFLINE].price
    assert state.models[OFFLINE].supports == MODELS[OFFLINE].supports
    assert frozen().models == MODELS


@pytest.mark.parametrize(
    ("name", "changes", "complaint"),
    [
        ("Qwen/Qwen3-Reranker-8b", {"state": "online"}, "$.model: there is no model 'Qwen/"),
        (QWEN, {}, ""),
        (QWEN, {"state": "gone"}, "$.state: "),
        (QWEN, {"suports": []}, "unknown member 'suports'; did you mean 'supports'?"),
        (QWEN, {"supports": ["overlap_tokens", 1]}, "$.supports[1]: "),
        (
            QWEN,
            {"supports": ["instruct"]},
            "$.supports[0]: there is no gated field 'instruct'; did you mean 'instruction'?",
        ),
        (QWEN, {"price": {"text": "1"}}, "$.price: the member 'image' is missing"),
        (QWEN, {"at": -1, "state": "online"}, "$.at: -1 is less than the minimum of 0"),
    ],
)
def test_a_wrong_change_changes_nothing_and_says_where(
    name: str, changes: dict[str, Any], complaint: str
) -> None:
    state = frozen()
    before = state.snapshot()
    with pytest.raises(ModelError) as caught:
        state.change_model(name, **changes)
    assert str(caught.value).startswith(complaint)
    assert state.snapshot() == before


def test_a_model_is_added_and_removed() -> None:
    state = frozen()
    state.add_model("acme/reranker", like=BGE)
    assert state.models["acme/reranker"] == replace(state.models[BGE], id="acme/reranker")
    assert ask(state, fields(model="acme/reranker")).status == 200
    assert "acme/reranker" in listed(state)
    state.change_model("acme/reranker", at=NOON + 10, state="offline")
    snapshot = state.snapshot()
    state.remove_model("acme/reranker")
    assert all(window["model"] == BGE for window in state.snapshot()["windows"])
    assert ask(state, fields(model="acme/reranker")).status == 400
    assert state.planned_changes == []
    state.rollback(snapshot)
    assert "acme/reranker" in listed(state)
    state.reset()
    assert "acme/reranker" not in listed(state)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (BGE, {}, f"model '{BGE}' already exists"),
        ("acme/a", {"like": "BAAI/bge-reranker"}, "there is no model 'BAAI/bge-reranker'; did you"),
        ("reranker", {}, "a model is named as acme/reranker, with an owner and a slash, not"),
        ("acme/a", {"prize": 1}, "unknown member 'prize'; did you mean 'price'?"),
        ("acme/a", {"price": {"text": "1"}}, "$.price: the member 'image' is missing"),
        ("acme/a", {"supports": ["instuction"]}, "$.supports[0]: there is no gated field"),
    ],
)
def test_an_invalid_model_is_refused(name: str, changes: dict[str, Any], message: str) -> None:
    state = frozen()
    before = state.snapshot()
    with pytest.raises(ModelError) as caught:
        state.add_model(name, **{"like": BGE, **changes})
    assert str(caught.value).startswith(message)
    assert state.snapshot() == before


def test_the_last_model_stays() -> None:
    state = frozen()
    *others, last = state.models
    for name in others:
        state.remove_model(name)
    with pytest.raises(ModelError, match="the last model cannot be removed"):
        state.remove_model(last)
    with pytest.raises(ModelError, match="there is no model"):
        state.remove_model(others[0])
    state.rollback(state.snapshot())
