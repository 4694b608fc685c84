import json
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from mockserver.contract import SCHEMAS
from mockserver.scenarios.scenario import Scenario, Step
from mockserver.state.clock import Clock
from mockserver.state.entry import Entry
from mockserver.state.exchanges import Exchange
from mockserver.state.journal import Journal
from mockserver.state.snapshots import StateError
from mockserver.state.store import State
from tests.mockserver.asking import BGE, OFFLINE, PRESETS, QWEN, ask, fields

NOON = 1_800_000_000.0

TABLES = [json.loads(path.read_bytes()) for path in (SCHEMAS / "files").glob("*.json")]


def lived() -> State:
    """Return a state to which something of everything has happened."""
    state = State(keys=["sk-secret"], behaviour=PRESETS["strict"], seed=7, clock=Clock(NOON))
    state.open_account("sk-b", name="b", standing="forbidden", model_limits={QWEN: {"RPM": None}})
    state.change_account("account-1", limits={"RPM": 2, "TPD": None})
    state.change_model(OFFLINE, state="online", price={"text": "0.5", "image": "0"})
    state.change_model(BGE, at=NOON + 60, state="offline", supports=[])
    scenario = Scenario("busy", (Step(), Step(error="overloaded"), Step(error="busy")))
    state.arm("account-1", scenario)
    for _ in range(2):
        as_secret(state)
    state.clock.advance(30)
    return state


def as_secret(state: State, **changes: object) -> int:
    headers = {"authorization": "Bearer sk-secret", "content-type": "application/json"}
    return ask(state, fields(**changes), headers=headers).status


def future(state: State) -> list[Any]:
    """Return what the next requests are answered with, ids and all."""
    answers: list[Any] = []
    for model in (BGE, QWEN, QWEN, OFFLINE):
        headers = {"authorization": "Bearer sk-secret", "content-type": "application/json"}
        answers.append(ask(state, fields(model=model), headers=headers))
        state.clock.advance(15)
    return answers


def test_a_snapshot_keeps_its_schema() -> None:
    registry: Any = Registry[Any]().with_resources(
        (schema["$id"], DRAFT202012.create_resource(schema)) for schema in TABLES
    )
    schema = next(schema for schema in TABLES if schema["$id"].endswith(":state"))
    validator: Any = jsonschema.Draft202012Validator(schema, registry=registry)
    validator.validate(lived().snapshot())


def test_a_state_rolls_back_whole() -> None:
    state = lived()
    snapshot = state.snapshot()
    first = future(state)
    assert state.snapshot() != snapshot
    state.rollback(snapshot)
    assert state.snapshot() == snapshot
    assert future(state) == first


def test_a_snapshot_is_not_touched_by_what_follows() -> None:
    state = lived()
    snapshot = state.snapshot()
    before = json.dumps(snapshot)
    future(state)
    state.rollback(snapshot)
    future(state)
    assert json.dumps(snapshot) == before


def test_another_state_goes_on_from_a_file(tmp_path: Path) -> None:
    state, other = lived(), State()
    state.save(tmp_path / "state.json")
    other.load(tmp_path / "state.json")
    assert other.snapshot() == state.snapshot()
    assert future(other) == future(state)


def test_no_key_is_in_a_file(tmp_path: Path) -> None:
    lived().save(tmp_path / "state.json")
    assert "sk-" not in (tmp_path / "state.json").read_text(encoding="utf-8")


def test_reset_leads_back_to_the_beginning() -> None:
    state = State(keys=["sk-secret"], seed=3, clock=Clock(NOON))
    beginning = state.snapshot()
    state.behaviour = PRESETS["page"]
    state.open_account()
    state.change_model(QWEN, state="offline")
    state.clock.advance(5)
    as_secret(state)
    state.reset()
    assert state.snapshot() == beginning


def test_reset_leads_back_to_what_was_loaded(tmp_path: Path) -> None:
    lived().save(tmp_path / "state.json")
    state = State()
    state.load(tmp_path / "state.json")
    loaded = state.snapshot()
    future(state)
    state.reset()
    assert state.snapshot() == loaded


def test_a_file_need_not_say_everything(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    accounts = [{"name": "ours", "keys": ["sk-secret"], "charged_balance": "0"}]
    path.write_text(json.dumps({"version": 1, "accounts": accounts}), encoding="utf-8")
    state = State(behaviour=PRESETS["page"])
    state.load(path)
    assert list(state.accounts) == ["ours"]
    assert state.accounts["ours"].limits["RPM"] == 2000
    assert state.behaviour == PRESETS["page"]
    assert as_secret(state, model=QWEN) == 403


def test_a_behaviour_may_build_on_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"version": 1, "behaviour": {"base": "page"}}', encoding="utf-8")
    state = State()
    state.load(path)
    assert state.behaviour == PRESETS["page"]


def test_whole_numbers_may_be_written_with_a_point() -> None:
    state = lived()
    snapshot = json.dumps({**state.snapshot(), "behaviour": {"base": "strict"}})
    state.rollback(json.loads(snapshot, parse_int=float))
    assert as_secret(state) == 503


Break = Callable[[dict[str, Any]], object]

WRONG: list[tuple[Break, str]] = [
    (lambda s: s.pop("version"), "the member 'version' is missing"),
    (lambda s: s.update(version=2), "$.version: "),
    (lambda s: s.update(account=[]), "unknown member 'account'; did you mean 'accounts'?"),
    (lambda s: s["behaviour"].update(gated_field=1), "$.behaviour: unknown switch 'gated_field'"),
    (lambda s: s["behaviour"].update(gated_fields="drop"), "$.behaviour.gated_fields: must be"),
    (lambda s: s["clock"].update(frozen_at="noon"), "$.clock.frozen_at: "),
    (lambda s: s["clock"].update(frozen_at=-1), "$.clock.frozen_at: -1 is less than"),
    (lambda s: s["ids"].pop("drawn"), "$.ids: the member 'drawn' is missing"),
    (lambda s: s["models"].append(s["models"][0]), "$.models: "),
    (
        lambda s: s["models"].append({**s["models"][0], "context_tokens": 1}),
        f"$.models[7].id: model '{BGE}' already exists",
    ),
    (lambda s: s["models"][1].update(form="both"), "$.models[1].form: "),
    (
        lambda s: s["planned_changes"][0].update(model="BAAI/bge-reranker-v2-m4"),
        "$.planned_changes[0].model: there is no model 'BAAI/bge-reranker-v2-m4'; did you mean",
    ),
    (lambda s: s["planned_changes"][0].pop("at"), "$.planned_changes[0]: the member 'at' is"),
    (lambda s: s["accounts"][1].update(limits={"RPM": -1}), "$.accounts[1].limits.RPM: "),
    (
        lambda s: s["accounts"][1].update(name="account-1"),
        "$.accounts[1].name: account '",
    ),
    (
        lambda s: s["accounts"][1].update(keys=s["accounts"][0]["keys"]),
        "$.accounts[1].keys[0]: already belongs to 'account-1'",
    ),
    (
        lambda s: s["accounts"][1].update(model_limits={"x": {}}),
        "$.accounts[1].model_limits: there",
    ),
    (lambda s: s["windows"][0].update(used=-1), "$.windows[0].used: "),
    (
        lambda s: s["windows"][0].update(account="a"),
        "$.windows[0].account: there is no account 'a'",
    ),
    (lambda s: s["windows"][0].update(limit="RPS"), "$.windows[0].limit: "),
    (
        lambda s: s["scenarios"]["receipts"][0].update(account="c"),
        "$.scenarios.receipts[0].account: there is no account 'c'",
    ),
    (
        lambda s: s["scenarios"]["receipts"][0]["scenario"]["steps"][1].update(error="overload"),
        "$.scenarios.receipts[0].scenario.steps[1].error: unknown error 'overload'",
    ),
    (
        lambda s: s["scenarios"]["receipts"][0]["steps"].pop(),
        "$.scenarios.receipts[0].steps: must have one item for each step of the scenario",
    ),
    (lambda s: s["pins"].update(c=[]), "$.pins: there is no account 'c'"),
]


@pytest.mark.parametrize(("damage", "complaint"), WRONG, ids=[text for _, text in WRONG])
def test_a_wrong_snapshot_changes_nothing_and_says_where(damage: Break, complaint: str) -> None:
    state = lived()
    before = state.snapshot()
    wrong = json.loads(json.dumps(before))
    damage(wrong)
    state.clock.advance(1)
    now = state.snapshot()
    with pytest.raises(StateError) as caught:
        state.rollback(wrong)
    assert str(caught.value).startswith(complaint)
    assert state.snapshot() == now


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"{", "is not JSON"),
        (b"[]", '[] is not of type "object"'),
        (b'{"version": 1, "version": 1}', "has the key 'version' twice"),
        (b'{"version": 1, "pins": {"c": []}}', "$.pins: there is no account 'c'"),
        (b'{"version": 1, "accounts": "sk-very-secret"}', "$.accounts: the value is not"),
        (b'{"version": 1, "accounts": [{"name": "a", "keys": "sk-very-secret"}]}', "$.accounts[0]"),
    ],
)
def test_a_wrong_file_is_named_and_changes_nothing(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    state = lived()
    before = state.snapshot()
    with pytest.raises(StateError) as caught:
        state.load(path)
    assert str(caught.value).startswith(f"{path}: {complaint}")
    assert "secret" not in str(caught.value).removeprefix(str(path))
    assert state.snapshot() == before


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"nowhere: cannot be read: No such file or directory"):
        State().load(tmp_path / "nowhere")
    with pytest.raises(StateError, match=r"cannot be written: Is a directory"):
        State().save(tmp_path)


def test_money_survives_a_file_to_the_last_digit(tmp_path: Path) -> None:
    state = State()
    state.change_account("account-1", charged_balance="0.10000000000000000001")
    state.save(tmp_path / "state.json")
    other = State()
    other.load(tmp_path / "state.json")
    assert other.accounts["account-1"].charged_balance == Decimal("0.10000000000000000001")


@pytest.mark.memory
def test_a_request_is_answered_while_a_snapshot_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    state = State()
    ask(state, fields())
    statuses: list[int] = []
    show = Journal._show  # pyright: ignore[reportPrivateUsage]

    def asking(journal: Journal, exchange: Exchange) -> Entry:
        other = threading.Thread(target=lambda: statuses.append(ask(state, fields()).status))
        other.start()
        other.join(20)
        return show(journal, exchange)

    monkeypatch.setattr(Journal, "_show", asking)
    assert len(state.snapshot()["journal"]["entries"]) == 1
    assert statuses == [200]
