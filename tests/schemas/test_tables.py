"""The tables obey their schemas, and the schemas are strict enough to be worth obeying."""

import copy
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import pytest
from jsonschema import Draft202012Validator

from .data import CONTRACT, FOLDER, TABLE_SCHEMAS, TABLES, Json, errors

#: Gated field -> the models that the page says support it.
PAGE_GATES = {
    "instruction": {
        "Qwen/Qwen3-Reranker-8B",
        "Qwen/Qwen3-Reranker-4B",
        "Qwen/Qwen3-Reranker-0.6B",
    },
    "max_chunks_per_doc": {
        "BAAI/bge-reranker-v2-m3",
        "Pro/BAAI/bge-reranker-v2-m3",
        "netease-youdao/bce-reranker-base_v1",
    },
    "overlap_tokens": {
        "BAAI/bge-reranker-v2-m3",
        "Pro/BAAI/bge-reranker-v2-m3",
        "netease-youdao/bce-reranker-base_v1",
    },
}
#: Statuses that the vendor lists for this endpoint.
PUBLISHED_STATUSES = {400, 401, 403, 404, 429, 503, 504}

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
    [*CONTRACT.values(), *TABLE_SCHEMAS.values()],
    ids=[*CONTRACT, *(f"files/{name}" for name in TABLE_SCHEMAS)],
)
def test_a_schema_obeys_its_metaschema(schema: Json) -> None:
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$schema"]
    Draft202012Validator.check_schema(schema)


def test_a_schema_is_named_by_its_file() -> None:
    assert {name: schema["$id"] for name, schema in CONTRACT.items()} == {
        name: f"urn:rerank-contract:2026-07:{name}" for name in CONTRACT
    }
    assert {name: schema["$id"] for name, schema in TABLE_SCHEMAS.items()} == {
        name: f"urn:rerank-contract:files:{name}" for name in TABLE_SCHEMAS
    }


@pytest.mark.parametrize("name", INSTANCES)
def test_a_table_obeys_its_schema(name: str) -> None:
    assert errors(TABLE_SCHEMAS[name], INSTANCES[name]) == []


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
        ("models", "Qwen/Qwen3-Reranker-8B", {"family": "qwen"}),
        ("models", "Qwen/Qwen3-Reranker-8B", {"form": "both"}),
        ("models", "Qwen/Qwen3-Reranker-8B", {"context_tokens": 0}),
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
        ("requirements", "request.query.type", {"applies_to": ["request.simple#/type"]}),
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


@pytest.mark.parametrize("name", TABLES)
def test_an_id_stands_once(name: str) -> None:
    ids = [row["id"] for row in TABLES[name]]
    assert sorted(ids) == sorted(set(ids))


def test_the_models_of_the_page_are_gated_as_it_says() -> None:
    gates = {
        field: {model["id"] for model in TABLES["models"] if field in model["supports"]}
        for field in PAGE_GATES
    }
    assert gates == PAGE_GATES


def test_the_gated_fields_are_fields_of_both_forms() -> None:
    for form in ("classic", "multimodal"):
        assert CONTRACT[f"request.{form}"]["properties"].keys() >= PAGE_GATES.keys()


def test_each_form_has_a_model_online() -> None:
    online = {model["form"] for model in TABLES["models"] if model["state"] == "online"}
    assert online == {"classic", "multimodal"}


def test_the_published_errors_have_the_published_statuses() -> None:
    spec = {row["status"] for row in TABLES["errors"] if row["level"] == "spec"}
    assert spec == PUBLISHED_STATUSES


def test_every_error_body_obeys_the_error_schema() -> None:
    bodies = [
        row["message"]
        if row["family"] == "string"
        else {"code": row["code"], "message": row["message"], "data": None}
        if row["family"] == "object"
        else {"message": row["message"], "data": None}
        for row in TABLES["errors"]
    ]
    for body in bodies:
        assert errors(CONTRACT["error"], body) == []
