"""What the mock refuses changes nothing, and what it takes it can print and take again."""

import json
import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from mockserver.admin import dispatch as dispatching
from mockserver.admin.dispatch import dispatch
from mockserver.admin.openapi import document
from mockserver.contract import file_schemas
from mockserver.scenarios.armed import RECEIPTS
from mockserver.scenarios.scenario import Scenario, ScenarioError, Step
from mockserver.state.accounts import AccountError
from mockserver.state.clock import LAST, Clock
from mockserver.state.pins import Pin, PinError
from mockserver.state.store import State
from mockserver.validation import MOST
from mockserver.wire import Request, Response
from tests.mockserver.asking import AUTHORIZATION, HEADERS, QWEN, ask, fields

#: What the mock reads; a report is of the judge, and the others are tables of the contract.
READ = {"account", "entry", "model_change", "models", "pins", "receipt", "scenario", "state"}


def unbounded(schema: object, place: str = "$") -> Iterator[str]:
    """Yield the place of each integer without a maximum."""
    if isinstance(schema, Mapping):
        schema = cast("Mapping[str, Any]", schema)
        kinds = schema.get("type", ())
        if "integer" in ([kinds] if isinstance(kinds, str) else kinds) and "maximum" not in schema:
            yield place
        for name, part in schema.items():
            yield from unbounded(part, f"{place}.{name}")
    elif isinstance(schema, list):
        for number, part in enumerate(cast("list[object]", schema)):
            yield from unbounded(part, f"{place}[{number}]")


@pytest.mark.parametrize("name", sorted(READ))
def test_each_integer_of_a_file_has_its_maximum(name: str) -> None:
    assert not [*unbounded(file_schemas()[name])]


def test_each_integer_of_an_admin_call_has_its_maximum() -> None:
    assert not [*unbounded(document()["paths"])]
    schemas = document()["components"]["schemas"]
    assert not [*unbounded({k: v for k, v in schemas.items() if k in READ or "_" in k})]


def call(state: State, method: str, path: str, body: object, **headers: str) -> Response:
    sent = json.dumps(body).encode()
    return dispatch(state, Request(method, f"/__admin{path}", "", headers, sent))


FAR: dict[str, tuple[str, str, dict[str, Any]]] = {
    "times": ("POST", "/scenarios", {"account": "account-1", "scenario": {"times": 1e30}}),
    "seed": ("POST", "/scenarios", {"scenario": {"seed": 10**30}}),
    "an index": ("POST", "/scenarios", {"scenario": {"answer": {"leave_out": [1e300]}}}),
    "a size": ("PATCH", "/behaviour", {"max_body_bytes": 10**30}),
    "a limit": ("PATCH", "/accounts/account-1", {"limits": {"RPM": 1e30}}),
    "a time": ("POST", "/clock/freeze", {"at": 1e30}),
    "a distance": ("POST", "/clock/advance", {"seconds": LAST}),
    "seen": ("PUT", "/snapshot", {"version": 1, "journal": {"seen": 1e30, "entries": []}}),
    "armed": ("PUT", "/snapshot", {"version": 1, "scenarios": {"armed": 1e30, "receipts": []}}),
}


@pytest.mark.parametrize(("method", "path", "body"), FAR.values(), ids=FAR)
def test_a_number_beyond_all_measure_is_refused_and_changes_nothing(
    method: str, path: str, body: dict[str, Any]
) -> None:
    state = State(clock=Clock(1_800_000_000.0))
    if path == "/scenarios":
        members = body["scenario"]
        scenario = {"seed": members.pop("seed")} if "seed" in members else {}
        scripted = {**scenario, "name": "a", "steps": [members]}
        body = {"account": "account-1", "scenario": scripted}
    before = state.snapshot()
    response = call(state, method, path, body)
    assert response.status == 400, response.body
    assert state.snapshot() == before


def test_a_delay_at_the_end_of_time_stops_there() -> None:
    clock = Clock(LAST - 1)
    assert clock.skip(60) == 0.0
    assert clock.now() == LAST


@pytest.mark.parametrize(
    "date", ["Thu, 01 Jan 99999999999999999999 00:00:00 GMT", "Thu, 01 Jan 9999 00:00:00 -9999"]
)
def test_a_date_that_no_calendar_has_is_no_wait(date: str) -> None:
    state = State()
    step = Step(times=None, error="busy", headers={"retry-after": date})
    state.arm("account-1", Scenario("late", (step,)))
    assert [ask(state, fields()).status for _ in range(3)] == [503] * 3


def test_a_context_that_is_smaller_than_an_overlap_is_split_all_the_same() -> None:
    state = State()
    models = state.snapshot()["models"]
    for model in models:
        model["context_tokens"] = 1
    state.rollback({"version": 1, "models": models})
    body = fields(documents=["a b c d " * 100], max_chunks_per_doc=5, overlap_tokens=80)
    assert ask(state, body).status == 200


@pytest.mark.parametrize(
    "pin", [Pin({"a": math.nan}), Pin({"\ud800": 1}), Pin(order=("\ud800",)), Pin(query="\ud800")]
)
def test_pins_that_cannot_be_printed_are_refused(pin: Pin) -> None:
    state = State()
    before = state.snapshot()
    with pytest.raises(PinError):
        state.pin("account-1", [pin])
    assert state.snapshot() == before


def test_nor_are_scenarios_and_accounts() -> None:
    state = State()
    before = state.snapshot()
    with pytest.raises(ScenarioError):
        Scenario("\ud800", (Step(),))
    with pytest.raises(ScenarioError):
        Scenario("a", (Step(body="\ud800"),))
    with pytest.raises(AccountError):
        state.open_account(name="\ud800")
    assert state.snapshot() == before


def test_a_fault_of_the_mock_is_answered_as_one_and_logged_without_the_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*_: object) -> Response:
        raise ZeroDivisionError(key)

    state, key = State(), "sk-abcdefghijklmnop"
    monkeypatch.setattr(dispatching, "answer", failing)
    request = Request("POST", "/v1/rerank", "", AUTHORIZATION, b"{}")
    answer = dispatch(state, request)
    assert answer.status == 500
    assert b"rerank-mock failed" in answer.body
    assert "ZeroDivisionError" in caplog.text
    assert "sk-" not in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


@pytest.mark.parametrize(
    "place",
    [
        "engine.usual",
        "engine.apply_step",
        "engine.with_headers",
        "recording.observe",
        "recording.advise_on_request",
        "recording.advise_over_time",
    ],
)
def test_a_fault_after_the_decision_takes_it_back_and_is_in_the_journal(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    def failing(*_: object) -> Response:
        raise ZeroDivisionError

    state = State(clock=Clock(1_800_000_000.0), hostile="faults")
    state.change_account(
        "account-1", granted_balance="0.000001", charged_balance="1", limits={"RPM": 5, "TPD": 500}
    )
    request = Request("POST", "/v1/rerank", "", HEADERS, json.dumps(fields(model=QWEN)).encode())
    assert [dispatch(state, request).status for _ in range(2)][1] == 200
    state.arm("account-1", Scenario("a", (Step(delay=1.0), Step(delay=2.0, share=0.5, times=None))))
    before = state.snapshot()
    monkeypatch.setattr(f"mockserver.{place}", failing)
    assert [dispatch(state, request).status for _ in range(3)] == [500] * 3
    monkeypatch.undo()
    after = state.snapshot()
    entries = after["journal"].pop("entries")
    assert [entry["outcome"] for entry in entries[2:]] == ["status_500"] * 3
    assert [entry["account"] for entry in entries[2:]] == ["account-1"] * 3
    assert b"sk-mock" not in json.dumps(entries).encode()
    assert after.pop("ids")["drawn"] > before.pop("ids")["drawn"]
    del after["journal"], before["journal"]
    assert after == before
    assert len(caplog.records) == 3
    state.rollback(state.snapshot())


class StopTest(BaseException):
    """As `pytest.fail()` and `sys.exit()` raise."""


@pytest.mark.parametrize("error", [LookupError, StopTest])
def test_a_fault_of_a_score_function_costs_nothing(error: type[BaseException]) -> None:
    def failing(*_: object) -> list[float | None]:
        raise error

    state = State(clock=Clock(1_800_000_000.0))
    state.pin("account-1", failing)
    with pytest.raises(error):
        dispatch(
            state,
            Request("POST", "/v1/rerank", "", HEADERS, json.dumps(fields(model=QWEN)).encode()),
        )
    assert state.accounts["account-1"] == State().accounts["account-1"]
    assert state.snapshot()["windows"] == []
    assert [entry.response.status for entry in state.journal] == [500]


def test_a_counter_at_its_end_gives_a_snapshot_that_is_taken() -> None:
    state = State(clock=Clock(1_800_000_000.0))
    state.change_account("account-1", limits={"RPM": MOST, "TPM": MOST})
    state.arm("account-1", Scenario("a", (Step(times=None),)))
    ask(state, fields())
    whole = json.loads(json.dumps(state.snapshot()))
    whole["ids"]["drawn"] = whole["journal"]["seen"] = whole["scenarios"]["armed"] = MOST
    (receipt,) = whole["scenarios"]["receipts"]
    receipt["steps"] = [{"taken": MOST, "struck": MOST, "met": "fully"}]
    for window in whole["windows"]:
        window["used"] = MOST
    state.rollback(whole)
    for _ in range(2):
        ask(state, fields())
        state.arm("account-1", Scenario("b", (Step(),)))
        state.open_account()
        state.rollback(json.loads(json.dumps(state.snapshot())))
    assert [entry.number for entry in state.journal] == [1, 2]
    assert [receipt.number for receipt in state.receipts()] == [1, 1, 2]


def test_a_fault_of_a_score_function_is_that_of_its_author() -> None:
    def failing(*_: object) -> list[float | None]:
        raise LookupError("mine")

    state = State()
    state.pin("account-1", failing)
    request = Request("POST", "/v1/rerank", "", AUTHORIZATION, json.dumps(fields()).encode())
    with pytest.raises(LookupError, match="mine"):
        dispatch(state, request)


def test_receipts_are_forgotten_at_a_bound_the_met_ones_first() -> None:
    state = State()
    state.arm("account-1", Scenario("first", (Step(times=None),)))
    state.arm("account-1", Scenario("second", (Step(),)))
    state.open_account(name="other")
    state.arm("other", Scenario("kept", (Step(),)))
    ask(state, fields())
    for _ in range(RECEIPTS):
        state.arm("account-1", Scenario("more", (Step(),)))
    own = state.receipts("account-1")
    assert len(own) == RECEIPTS
    assert own[0].number == 4
    assert len(state.receipts("other")) == 1


def test_a_snapshot_of_many_large_requests_is_taken_again() -> None:
    state = State()
    state.change_account("account-1", limits={})
    for number in range(400):
        ask(state, fields(documents=["\x01" * 10_000, str(number)]))
    snapshot = dispatch(state, Request("GET", "/__admin/snapshot", "", {}, b""))
    assert len(snapshot.body) > state.behaviour.max_body_bytes
    restored = dispatch(state, Request("PUT", "/__admin/snapshot", "", {}, snapshot.body))
    assert restored.status == 200
