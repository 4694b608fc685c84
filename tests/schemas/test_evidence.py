"""Evidence is that of the records, and stands for requirements, switches and values that are."""

import json

from tests.second_server.faults import FAULTS
from tests.second_server.records import PLAIN, recorded
from tools import evidence

from .data import FOLDER, NEWEST, TABLE_SCHEMAS, TABLES, Json, errors

EVIDENCE: Json = json.loads(evidence.TARGET.read_text(encoding="utf-8"))
RECORDINGS: Json = json.loads((FOLDER / "recordings.json").read_text(encoding="utf-8"))
REQUIREMENTS = {row["id"]: row for row in TABLES["requirements"]}
SWITCHES = {row["name"]: row for row in NEWEST.behaviours["switches"]}
SCENARIOS = {
    row["id"]
    for row in json.loads((FOLDER / "client/scenarios.json").read_text(encoding="utf-8"))[
        "scenarios"
    ]
}


def test_the_evidence_is_up_to_date() -> None:
    assert evidence.TARGET.read_text(encoding="utf-8") == evidence.text(), "run `make evidence`"


def test_evidence_and_recordings_obey_their_schemas() -> None:
    assert errors(TABLE_SCHEMAS["evidence"], EVIDENCE) == []
    assert errors(TABLE_SCHEMAS["recordings"], RECORDINGS) == []


def test_scenarios_requirements_and_switches_that_are_named_exist() -> None:
    assert evidence.BROKEN_IN.keys() | evidence.VALUE_IN.keys() <= SCENARIOS
    assert set(evidence.BROKEN_IN.values()) <= REQUIREMENTS.keys()
    assert set(evidence.VALUE_IN.values()) <= SWITCHES.keys()
    about = {name for row in RECORDINGS for name in row["about"]}
    assert about <= REQUIREMENTS.keys() | SWITCHES.keys()


def test_each_requirement_has_the_evidence_that_its_source_promises() -> None:
    about = {name for row in RECORDINGS for name in row["about"] if row["kind"] == "recorded"}
    for name, row in REQUIREMENTS.items():
        kind = row["source"]["kind"]
        assert kind != "page" or EVIDENCE["requirements"][name]["page"], name
        assert kind != "recorded" or name in about, name
        assert row["level"] == "open" or EVIDENCE["requirements"][name]["mutants"], name


def test_the_last_recording_of_a_switch_shows_the_value_of_the_preset() -> None:
    last: dict[str, str] = {}
    for row in RECORDINGS:
        switches = [name for name in row["about"] if name in SWITCHES]
        assert (row["value"] is None) == (not switches), row
        for name in switches:
            assert row["value"] in [value["value"] for value in SWITCHES[name]["values"]]
            last[name] = row["value"]
    preset = NEWEST.behaviours["presets"]["observed"]
    assert last == {name: preset[name] for name in last}


def test_evidence_is_found_in_each_record() -> None:
    unique = EVIDENCE["requirements"]["response.results.index.unique"]
    assert [row["statement"][:18] for row in unique["page"]] == ["Sample: each has a"]
    assert {"name": "returns a document twice", "request": 3} in unique["mutants"]
    (client,) = unique["clients"]
    assert client["scenario"] == "malformed.index_twice"
    assert "AI SDK" in client["cope"]
    assert "LiteLLM" in client["fail"]
    assert (
        "nginx with a cache by path" in EVIDENCE["requirements"]["request.top_n.count"]["broken_by"]
    )


def test_the_second_server_speaks_for_each_requirement() -> None:
    assert recorded().keys() == {PLAIN, *FAULTS}
    row = EVIDENCE["requirements"]["response.results.index.unique"]["second_server"]
    assert row["outcome"] == "kept"
    assert "index-in-batch" in row["broken_with"]


def test_no_gateway_is_said_to_keep_what_was_not_tried_with_it() -> None:
    # Only a wider effort tries it.
    row = EVIDENCE["requirements"]["endpoint.trailing_slash"]
    assert row["untried_by"] == list(EVIDENCE["gateways"])
    assert EVIDENCE["requirements"]["request.top_n.minimum"]["untried_by"] == []
