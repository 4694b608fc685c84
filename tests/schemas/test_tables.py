"""The tables obey their schemas, and the schemas are strict enough to be worth obeying."""

import copy
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import pytest
from jsonschema import Draft202012Validator

from .data import FOLDER, REVISIONS, TABLE_SCHEMAS, TABLES, Json, Revision, errors

REPORT: Json = {
    "version": 1,
    "verdict": "violates",
    "target": "https://api.siliconflow.cn/v1",
    "seed": 0,
    "effort": "smoke",
    "tokens": 900,
    "cost": "0.0010",
    "coverage": [{"what": "faults", "tried": 47, "all": 116}],
    "requests_sent": 57,
    "models": [{"id": "BAAI/bge-reranker-v2-m3", "outcome": "passed", "reason": None}],
    "requirements": [
        {
            "id": "request.top_n.count",
            "level": "spec",
            "outcome": "failed",
            "reason": None,
            "observed": None,
            "tests": ["test_exactly_top_n_results_come_back"],
            "first_broken": 12,
            "violations": [
                {
                    "expected": "2 results",
                    "curl": "curl -sS https://host/v1/rerank",
                    "received": "3 results",
                    "exchanges": [
                        {
                            "number": 12,
                            "curl": 'curl -H "Authorization: Bearer $SILICONFLOW_API_KEY" …',
                            "request": {
                                "method": "POST",
                                "path": "/rerank",
                                "authorization": "Bearer $SILICONFLOW_API_KEY",
                                "content_type": "application/json",
                                "body": '{"model": "…"}',
                            },
                            "answer": {"status": 200, "headers": dict[str, str](), "body": "{}"},
                        }
                    ],
                    "test": "test_exactly_top_n_results_come_back",
                    "again": "rerank-contract check --only=request.top_n.count --seed=0",
                    "snippet": "def test_request_top_n_count() -> None: …",
                }
            ],
        }
    ],
}
INSTANCES = {**TABLES, "report": REPORT}


def objects(instance: Json) -> Iterator[dict[str, Json]]:
    """Every object within `instance`, itself included."""
    if isinstance(instance, dict):
        members = cast("dict[str, Json]", instance)
        yield members
        yield from objects(list(members.values()))
    elif isinstance(instance, list):
        for item in cast("Iterable[Json]", instance):
            yield from objects(item)


def without_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    assert len(dict(pairs)) == len(pairs), (
        f"a member stands twice among {[key for key, _ in pairs]}"
    )
    return dict(pairs)


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.json")), ids=lambda path: path.stem)
def test_no_member_stands_twice(path: Path) -> None:
    json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=without_duplicates)


@pytest.mark.parametrize(
    "schema",
    [
        *(schema for revision in REVISIONS.values() for schema in revision.schemas.values()),
        *TABLE_SCHEMAS.values(),
    ],
    ids=lambda schema: schema["$id"],
)
def test_a_schema_obeys_its_metaschema(schema: Json) -> None:
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$schema"]
    Draft202012Validator.check_schema(schema)


def test_a_schema_is_named_by_its_file() -> None:
    for revision in REVISIONS.values():
        assert {name: schema["$id"] for name, schema in revision.schemas.items()} == {
            name: f"urn:rerank-contract:{revision.name}:{name}" for name in revision.schemas
        }
    assert {name: schema["$id"] for name, schema in TABLE_SCHEMAS.items()} == {
        name: f"urn:rerank-contract:files:{name}" for name in TABLE_SCHEMAS
    }


def test_a_table_obeys_its_schema(revision: Revision) -> None:
    for name, rows in revision.tables.items():
        assert errors(TABLE_SCHEMAS[name], rows) == []


def test_a_report_obeys_its_schema() -> None:
    assert errors(TABLE_SCHEMAS["report"], REPORT) == []


@pytest.mark.parametrize("name", INSTANCES)
def test_no_table_takes_an_unknown_member_or_misses_one(name: str) -> None:
    schema, instance = TABLE_SCHEMAS[name], copy.deepcopy(INSTANCES[name])
    if isinstance(instance, list):
        del instance[1:]
    for place in list(objects(instance)):
        place["surplus"] = None
        assert errors(schema, instance)
        del place["surplus"]
        for member, value in list(place.items()):
            del place[member]
            assert errors(schema, instance), f"{member} may be missing"
            place[member] = value


@pytest.mark.parametrize(
    ("name", "row", "change"),
    [
        ("models", "Qwen/Qwen3-Reranker-8B", {"id": "Qwen3-Reranker-8B"}),
        ("models", "Qwen/Qwen3-Reranker-8B", {"family": "Qwen 3"}),
        ("models", "Qwen/Qwen3-Reranker-8B", {"form": "both"}),
        ("models", "Qwen/Qwen3-Reranker-8B", {"context_tokens": 0}),
        ("models", "Qwen/Qwen3-Reranker-8B", {"supports": ["top-n"]}),
        ("models", "Qwen/Qwen3-Reranker-8B", {"supports": ["an instruction"]}),
        ("models", "Qwen/Qwen3-Reranker-8B", {"supports": ["instruction", "instruction"]}),
        ("models", "Qwen/Qwen3-Reranker-8B", {"state": "retired"}),
        ("models", "Qwen/Qwen3-Reranker-8B", {"price": {"text": 0.28, "image": "0"}}),
        ("models", "Qwen/Qwen3-Reranker-8B", {"price": {"text": "0.28", "image": "free"}}),
        ("errors", "overloaded", {"id": "Overloaded"}),
        ("errors", "overloaded", {"status": 200}),
        ("errors", "overloaded", {"code": "50505"}),
        ("errors", "overloaded", {"code": None}),
        ("errors", "overloaded", {"family": "string"}),
        ("errors", "overloaded", {"level": "page"}),
        ("errors", "overloaded", {"message": ""}),
        ("errors", "overloaded", {"when": "no capacity"}),
        ("errors", "rate_limited", {"code": 50505}),
        ("requirements", "request.query.type", {"id": "query.type"}),
        ("requirements", "request.query.type", {"id": "request"}),
        ("requirements", "request.query.type", {"level": "must"}),
        ("requirements", "request.query.type", {"level": "observed"}),
        ("requirements", "request.query.type", {"level": "open"}),
        ("requirements", "request.query.type", {"sentence": "a sentence without end"}),
        ("requirements", "request.query.type", {"applies_to": ["request.classic"]}),
        ("requirements", "request.query.type", {"applies_to": ["request#/type"]}),
        ("requirements", "response.id.format", {"level": "spec"}),
        ("requirements", "authorization.scheme", {"level": "spec"}),
        ("requirements", "authorization.scheme", {"level": "observed"}),
        ("report", "request.top_n.count", {"outcome": "passed"}),
        ("report", "request.top_n.count", {"outcome": "ok"}),
        ("report", "request.top_n.count", {"violations": []}),
        ("report", "request.top_n.count", {"level": "must"}),
        ("report", "BAAI/bge-reranker-v2-m3", {"outcome": "online"}),
    ],
)
def test_a_wrong_row_is_refused(name: str, row: str, change: dict[str, Json]) -> None:
    instance = copy.deepcopy(INSTANCES[name])
    next(place for place in objects(instance) if place.get("id") == row).update(change)
    assert errors(TABLE_SCHEMAS[name], instance)


def test_an_id_stands_once(revision: Revision) -> None:
    for rows in revision.tables.values():
        ids = [row["id"] for row in rows]
        assert sorted(ids) == sorted(set(ids))


def test_an_id_has_one_meaning_in_all_revisions() -> None:
    sentences = {
        (row["id"], row["sentence"])
        for revision in REVISIONS.values()
        for row in revision.tables["requirements"]
    }
    assert len({name for name, _ in sentences}) == len(sentences)


def test_the_revisions_name_the_same_errors() -> None:
    """The mock names errors in its code, whatever the revision."""
    names = [
        {(row["id"], row["status"], row["code"]) for row in revision.tables["errors"]}
        for revision in REVISIONS.values()
    ]
    assert all(those == names[0] for those in names)


def test_a_gated_field_is_a_field_of_every_form(revision: Revision) -> None:
    for model in revision.tables["models"]:
        for form in revision.forms:
            assert revision.schemas[form]["properties"].keys() >= set(model["supports"])


def test_each_form_has_a_model_online(revision: Revision) -> None:
    online = {
        f"request.{model['form']}"
        for model in revision.tables["models"]
        if model["state"] == "online"
    }
    assert online == set(revision.forms)


def test_every_error_body_obeys_the_error_schema(revision: Revision) -> None:
    bodies = [
        row["message"]
        if row["family"] == "string"
        else {"code": row["code"], "message": row["message"], "data": None}
        if row["family"] == "object"
        else {"message": row["message"], "data": None}
        for row in revision.tables["errors"]
    ]
    for body in bodies:
        assert errors(revision.schemas["error"], body) == []
