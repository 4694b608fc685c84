"""The scenarios for clients keep their schema, and can be played by the mock that is here."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from mockserver.advice.catalogue import RULES
from mockserver.scenarios.scenario import Scenario
from mockserver.state.accounts import Account
from mockserver.state.pins import read_pins

from .data import FOLDER, TABLE_SCHEMAS, TABLES, Json

CLIENT = FOLDER / "client"
SCHEMAS: dict[str, Json] = {
    path.name.removesuffix(".schema.json"): json.loads(path.read_text(encoding="utf-8"))
    for path in CLIENT.glob("*.schema.json")
}
REGISTRY: Registry[Any] = Registry[Any]().with_resources(
    (schema["$id"], DRAFT202012.create_resource(schema))
    for schema in (*SCHEMAS.values(), *TABLE_SCHEMAS.values())
)
CONTENT: Json = json.loads((CLIENT / "scenarios.json").read_text(encoding="utf-8"))
SCENARIOS: dict[str, Json] = {row["id"]: row for row in CONTENT["scenarios"]}
README = (FOLDER / "README.md").read_text(encoding="utf-8")

each = pytest.mark.parametrize("row", SCENARIOS.values(), ids=list(SCENARIOS))


def complaints(name: str, instance: Json) -> list[str]:
    validator = Draft202012Validator(SCHEMAS[name], registry=REGISTRY)
    found = validator.iter_errors(instance)  # pyright: ignore[reportUnknownMemberType] # a gap in its stubs
    return [f"{error.json_path}: {error.message}" for error in found]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_for_clients_obeys_its_metaschema_and_has_the_name_of_its_file(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$id"] == f"urn:rerank-contract:client:{name}"


def test_the_scenarios_keep_their_schema() -> None:
    assert complaints("scenarios", CONTENT) == []


@pytest.mark.parametrize(
    ("scenario", "member", "value"),
    [
        ("address.plain", "id", "Plain"),
        ("address.plain", "known", ["#12"]),
        ("address.plain", "expect", {"answer": "ranking"}),
        ("address.plain", "expect", {"answer": "ranking", "scores": {"0": 1}, "status": 401}),
        ("address.nobody", "expect", {"answer": "error", "scores": {"0": 1}}),
        ("address.plain", "expect", {"answer": "ranking", "scores": {"first": 1}}),
        ("address.plain", "address", "elsewhere"),
        ("address.plain", "mock", {"scenario": {"name": "a", "steps": []}}),
        ("address.plain", "task", {"query": "a"}),
    ],
)
def test_a_scenario_that_makes_no_sense_breaks_the_schema(
    scenario: str, member: str, value: Json
) -> None:
    broken = {**SCENARIOS[scenario], member: value}
    assert complaints("scenarios", {**CONTENT, "scenarios": [broken]}) != []


def test_the_scenarios_are_numbered_and_named_once() -> None:
    rows = CONTENT["scenarios"]
    assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
    assert len(SCENARIOS) == len(rows) >= 40


@each
def test_the_mock_can_play_the_scenario(row: Json) -> None:
    mock = row["mock"]
    if "scenario" in mock:
        Scenario.from_json(mock["scenario"])
    read_pins(mock.get("pins", []))
    Account.from_json({"name": row["id"], "keys": [], **mock.get("account", {})})


@each
def test_the_task_is_within_the_contract(row: Json) -> None:
    task = row["task"]
    models = {model["id"]: model for model in TABLES["models"]}
    if row["id"] == "refusal.unknown_model":
        assert task["model"] not in models
    else:
        gated = {"instruction", "max_chunks_per_doc", "overlap_tokens"} & task["options"].keys()
        assert models[task["model"]]["state"] == "online"
        assert gated <= set(models[task["model"]]["supports"])


@each
def test_the_ranking_is_of_documents_that_the_task_has(row: Json) -> None:
    documents: Json = row["task"]["documents"]
    count = documents["count"] if "count" in documents else len(documents)
    scores = row["expect"].get("scores", {})
    assert all(int(index) < count for index in scores)
    assert len(scores) <= row["task"]["options"].get("top_n", count)


@each
def test_the_advice_that_is_allowed_exists(row: Json) -> None:
    assert set(row.get("allow", [])) <= {rule.id for rule in RULES}


@each
def test_fewest_requests_are_no_more_than_most(row: Json) -> None:
    fewest, most = row["expect"].get("requests", (1, 1))
    assert fewest <= most


def test_the_guide_says_how_many_scenarios_there_are() -> None:
    guide = (FOLDER.parent / "docs/grading-a-client.md").read_text(encoding="utf-8")
    assert re.findall(r"(\d+) scenarios", guide) == [str(len(SCENARIOS))]


def test_every_file_for_clients_is_named_in_the_readme() -> None:
    assert [path.name for path in CLIENT.iterdir() if f"`client/{path.name}`" not in README] == []
