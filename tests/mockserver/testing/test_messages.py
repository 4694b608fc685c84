"""What a test does wrong with the mock is told in one sentence, with one traceback."""

import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mockserver.state.store import State
from mockserver.testing.contexts import in_process, mock_rerank
from tests.mockserver.asking import BGE, HEADERS, fields


def ask_with(mock: Any, function: Any) -> None:  # noqa: ANN401 - wrong on purpose
    mock.pin(function)
    httpx.post(f"{mock.base_url}/rerank", json=fields(), headers=HEADERS)


def of_the_user(_query: object, _documents: object) -> list[float]:
    raise KeyError("ours")


def one_score(_query: object, _documents: object) -> list[float]:
    return [1]


def no_list(_query: object, _documents: object) -> float:
    return 1


def start(**options: Any) -> None:  # noqa: ANN401 - wrong on purpose
    mock_rerank(**options)


#: What is wrong, and the end of its traceback.
WRONG: list[tuple[Callable[[Any], object], str]] = [
    (
        lambda mock: mock.pin_scores([0.9]),
        'PinError: scores are given by text, such as {"a text": 0.9}, not as [0.9]',
    ),
    (lambda mock: mock.pin_scores({1: 1}), "PinError: scores are given by text, not by 1"),
    (
        lambda mock: mock.pin_scores({"a": "0.9"}),
        "PinError: the score of 'a' must be a number, not '0.9'",
    ),
    (
        lambda mock: mock.pin_scores({"a": float("nan")}),
        "PinError: the score of 'a' must be a number, not nan",
    ),
    (
        lambda mock: mock.pin_order(["a", "b"]),
        "PinError: an order is given as texts, not as a list: pin_order(*['a', 'b'])",
    ),
    (lambda mock: mock.pin_order("a", 1), "PinError: an order is given as texts, not as 1"),
    (
        lambda mock: mock.pin("a.json"),
        "PinError: expected a function, or pins as load_pins(path) returns, got 'a.json'",
    ),
    (
        lambda mock: mock.pin(1),
        "PinError: expected a function, or pins as load_pins(path) returns, got 1",
    ),
    (
        lambda mock: ask_with(mock, one_score),
        "PinError: the function returned 1 score for 3 documents",
    ),
    (
        lambda mock: ask_with(mock, no_list),
        "PinError: the function returned 1 instead of a list of scores",
    ),
    (lambda mock: ask_with(mock, of_the_user), "KeyError: 'ours'"),
    (
        lambda mock: mock.change_account(ballance=1),
        "AccountError: unknown member 'ballance'; did you mean 'balance'?",
    ),
    (
        lambda mock: mock.change_account(balance="CNY 1"),
        "AccountError: $.charged_balance: expected an amount such as \"12.50\", got 'CNY 1'",
    ),
    (
        lambda mock: mock.state.change_model("bge-reranker", state="offline"),
        f"ModelError: $.model: there is no model 'bge-reranker'; did you mean '{BGE}'?",
    ),
    (
        lambda mock: mock.state.change_model(BGE),
        "ModelError: nothing to change: state, price and supports can be",
    ),
    (
        lambda mock: mock.clock.freeze("noon"),
        "TypeError: freeze takes seconds since the epoch or a datetime, not 'noon'",
    ),
    (
        lambda mock: mock.clock.advance("3"),
        "TypeError: advance takes seconds or a timedelta, not '3'",
    ),
    (
        lambda mock: setattr(mock.state, "behaviour", {"gated_fields": "refuse"}),
        "BehaviourError: expected a Behaviour or the name of a preset (observed, page, strict), got"
        " {'gated_fields': 'refuse'}; change_behaviour takes single switches",
    ),
    (lambda _: start(seed=1.5), "ExpectationError: seed must be an integer, not 1.5"),
    (
        lambda _: start(passthrough=3),
        "ExpectationError: passthrough must be a list of hosts such as"
        ' ["example.org"], or "all", not 3',
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_mistake_is_one_sentence_with_one_traceback(
    call: Callable[[Any], object], message: str
) -> None:
    lines = ["none"]
    with in_process(State()) as mock:
        try:
            call(mock)
        except Exception as error:  # noqa: BLE001 - of any kind
            lines = traceback.format_exception(error)
    assert lines[-1].strip().endswith(message)
    assert "".join(lines).count("Traceback (most recent call last)") == 1


def test_the_prices_of_a_model_may_be_numbers() -> None:
    state = State()
    state.change_model(BGE, price={"text": 0.5, "image": 0})
    assert state.models[BGE].price.to_json() == {"text": "0.5", "image": "0"}
