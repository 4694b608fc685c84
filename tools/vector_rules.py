"""The rules of the vectors: what holds of every answer, as JSON Schema or as a named check."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from contract_tests.contract import Contract

Json: TypeAlias = Any

_OK: Json = {"status": {"const": 200}}
_TRACED: Json = {
    "required": ["x-siliconcloud-trace-id"],
    "properties": {"x-siliconcloud-trace-id": {"pattern": "\\S"}},
}
_TYPED: Json = {
    "required": ["content-type"],
    "properties": {"content-type": {"pattern": "^[Aa]pplication/[Jj][Ss][Oo][Nn]\\s*(;|$)"}},
}
_RESULT: Json = {
    "type": "object",
    "required": ["index", "relevance_score"],
    "properties": {"index": {"type": "integer"}, "relevance_score": {"type": "number"}},
}
_RESULTS: Json = {
    "type": "object",
    "required": ["results"],
    "properties": {"results": {"type": "array", "items": _RESULT}},
}
#: Name -> JSON Schema of the answers that a rule, or an expectation, speaks of.
CONDITIONS: Mapping[str, Json] = {
    "any": {},
    "success": {"properties": _OK},
    "json": {"properties": {**_OK, "is_json": {"const": True}}},
    "ranked": {"properties": {**_OK, "is_json": {"const": True}, "body": _RESULTS}},
    "error": {"properties": {"status": {"minimum": 400}}},
    "string": {"properties": {"status": {"enum": [401, 404]}}},
}
#: A text that is neither empty nor a page.
_TEXT: Json = {"pattern": "^\\s*[^\\s<]"}
_IS_JSON: Json = {"properties": {"is_json": {"const": True}}}
_UUID = "[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}"
#: Requirement -> the condition, and the JSON Schema of an answer, where no schema of the contract
#: says it.
_MORE: Mapping[str, tuple[str, Json]] = {
    "response.body.json": ("success", _IS_JSON),
    "response.header.trace_id": ("success", {"properties": {"headers": _TRACED}}),
    "response.header.content_type": ("success", {"properties": {"headers": _TYPED}}),
    "response.id.format": (
        "success",
        {
            "properties": {
                "body": {
                    "properties": {"id": {"pattern": f"^({_UUID}|rerank-[0-9]{{8}}-\\w{{12}})$"}}
                }
            }
        },
    ),
    "response.results.relevance_score.range": (
        "ranked",
        {
            "properties": {
                "body": {
                    "properties": {
                        "results": {
                            "items": {
                                "properties": {"relevance_score": {"minimum": 0, "maximum": 1}}
                            }
                        }
                    }
                }
            }
        },
    ),
    "error.header.trace_id": ("error", {"properties": {"headers": _TRACED}}),
    "error.status.listed": (
        "error",
        {"properties": {"status": {"anyOf": [{"maximum": 499}, {"enum": [503, 504]}]}}},
    ),
    "error.body.string": (
        "string",
        {
            "if": _IS_JSON,
            "then": {"properties": {"body": {"type": "string"}}},
            "else": {"properties": {"body": _TEXT}},
        },
    ),
}
#: Requirement -> the condition, and the name of the check, where no JSON Schema can say it.
CHECKS: Mapping[str, tuple[str, str]] = {
    "response.results.sorted": ("ranked", "scores_never_rise"),
    "response.results.index.unique": ("ranked", "indices_differ"),
    "response.results.index.literal": ("ranked", "indices_have_no_fraction"),
    "response.meta.tokens": ("json", "input_tokens_agree"),
    "error.key_hidden": ("any", "key_is_hidden"),
}


def rules(contract: Contract) -> Json:
    """The conditions and rules of a revision."""
    found: list[Json] = []
    for name, requirement in contract.requirements.items():
        row = {"requirement": name, "level": requirement.level}
        body = stated(contract, "response#", requirement.applies_to)
        if body:
            found.append({**row, "when": "json", "answer": {"properties": {"body": body}}})
        body = stated(contract, "error#", requirement.applies_to)
        if body:
            text = {"properties": {"body": _TEXT}}
            answer = {"if": _IS_JSON, "then": {"properties": {"body": body}}, "else": text}
            found.append({**row, "when": "error", "answer": answer})
        if name in _MORE:
            found.append({**row, "when": _MORE[name][0], "answer": _MORE[name][1]})
        if name in CHECKS:
            found.append({**row, "when": CHECKS[name][0], "check": CHECKS[name][1]})
    used = {rule["when"] for rule in found}
    return {
        "conditions": {name: schema for name, schema in CONDITIONS.items() if name in used},
        "rules": found,
    }


def stated(contract: Contract, pointer: str, by: Iterable[str]) -> Json:
    """What the schema at a pointer says with those keywords alone."""
    said: Json = {}
    for keyword, (place, value) in contract.keywords(pointer).items():
        if keyword == "properties":
            members = {name: stated(contract, f"{place}/{name}", by) for name in value}
            kept: Json = {name: schema for name, schema in members.items() if schema}
        elif keyword == "items":
            kept = stated(contract, place, by)
        elif keyword == "required":
            kept = [name for name in value if f"{place}/{name}" in by]
        else:
            kept = value if place in by else None
        if kept or place in by:
            said[keyword] = kept
    return said
