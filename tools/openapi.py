"""Writes ``schemas/openapi.json``: the newest revision as one OpenAPI 3.1 document."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias, cast

Json: TypeAlias = Any

SCHEMAS = Path(__file__).parents[1] / "schemas"
#: The newest; its name is the month in which the published page was last read.
REVISION = max((SCHEMAS / "revisions").iterdir())
TARGET = SCHEMAS / "openapi.json"
SERVER = "https://api.siliconflow.cn/v1"

DESCRIPTION = (
    "Generated from the JSON Schemas and tables of the newest revision; change those. "
    "Each error example names its level: spec is published, observed was seen on the live "
    "service, open is a guess."
)
REQUEST_DESCRIPTION = (
    "The form follows from the model. A gated field is only supported by some models: this schema "
    "refuses it elsewhere, as a client should never send it there. A service may refuse it too, "
    "or ignore it. Nothing is said of a model that is not listed."
)

MONEY: Json = {
    "description": "CNY as a decimal in a string.",
    "type": "string",
    "pattern": "^-?[0-9]+([.][0-9]+)?$",
}
#: Answers of the companion endpoints, published by the vendor outside the page.
COMPANIONS: Json = {
    "models": {
        "type": "object",
        "required": ["object", "data"],
        "properties": {
            "object": {"const": "list"},
            "data": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "object"],
                    "properties": {
                        "id": {"type": "string", "minLength": 1},
                        "object": {"const": "model"},
                        "created": {"type": "integer"},
                        "owned_by": {"type": "string"},
                    },
                },
            },
        },
    },
    "user.info": {
        "type": "object",
        "required": ["code", "message", "status", "data"],
        "properties": {
            "code": {"const": 20000},
            "message": {"type": "string"},
            "status": {"type": "boolean"},
            "data": {
                "type": "object",
                "properties": {
                    "balance": MONEY,
                    "chargeBalance": MONEY,
                    "totalBalance": MONEY,
                    "status": {"type": "string"},
                },
            },
        },
    },
}


def build() -> dict[str, Json]:
    """The OpenAPI document, from the schemas and tables as they stand."""
    contract = ("request.classic", "request.multimodal", "response", "error")
    errors = error_responses(_load("errors"))
    refusals = {status: _reference("responses", status) for status in errors}
    no_key = {"401": refusals["401"]}
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": "Rerank", "version": REVISION.name, "description": DESCRIPTION},
        "servers": [{"url": SERVER}],
        "security": [{"bearer": []}],
        "paths": {
            "/rerank": {
                "post": {
                    "operationId": "rerank",
                    "summary": "Rank documents by their relevance to a query.",
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {"schema": _reference("schemas", "request")}
                        },
                    },
                    "responses": {
                        "200": {
                            "headers": _traced(required=True),
                            **_success("The ranking.", "response"),
                        },
                        **refusals,
                    },
                }
            },
            "/models": {
                "get": {
                    "operationId": "listModels",
                    "summary": "List the models that are online.",
                    "parameters": [
                        {
                            "name": name,
                            "in": "query",
                            "schema": {"type": "string"},
                            "example": value,
                        }
                        for name, value in (("type", "text"), ("sub_type", "reranker"))
                    ],
                    "responses": {"200": _success("The models.", "models"), **no_key},
                }
            },
            "/user/info": {
                "get": {
                    "operationId": "getUserInfo",
                    "summary": "Show the account that the key belongs to.",
                    "responses": {"200": _success("The account.", "user.info"), **no_key},
                }
            },
        },
        "components": {
            "schemas": {
                "request": gated_request(_load("models")),
                **{name: _component(name) for name in contract},
                **COMPANIONS,
            },
            "responses": errors,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def gated_request(models: list[Json]) -> Json:
    """The schema of any request: the form of its model, without what the model does not support."""
    fields = sorted({field for model in models for field in model["supports"]})
    multimodal = [model["id"] for model in models if model["form"] == "multimodal"]
    return {
        "title": "Rerank request",
        "description": REQUEST_DESCRIPTION,
        "if": _model_in(multimodal),
        "then": _reference("schemas", "request.multimodal"),
        "else": _reference("schemas", "request.classic"),
        "allOf": [
            {
                "if": _model_in(
                    [model["id"] for model in models if field not in model["supports"]]
                ),
                "then": {"properties": {field: False}},
            }
            for field in fields
        ],
    }


def error_responses(errors: list[Json]) -> dict[str, Json]:
    """One response for each status of the error table, with every body that it may have."""
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "headers": _traced(required=False),
            "content": {
                "application/json": {
                    "schema": _reference("schemas", "error"),
                    "examples": {
                        error["id"]: {
                            "summary": error["when"],
                            "description": f"Level: {error['level']}.",
                            "value": _body(error),
                        }
                        for error in errors
                        if error["status"] == status
                    },
                }
            },
        }
        for status in sorted({error["status"] for error in errors})
    }


def _body(error: Json) -> Json:
    if error["family"] == "string":
        return error["message"]
    body = {"message": error["message"], "data": None}
    return body if error["code"] is None else {"code": error["code"], **body}


def _traced(*, required: bool) -> Json:
    return {
        "x-siliconcloud-trace-id": {
            "description": "Identifies the request for the support of the service.",
            "required": required,
            "schema": {"type": "string", "minLength": 1},
        }
    }


def _success(description: str, schema: str) -> Json:
    return {
        "description": description,
        "content": {"application/json": {"schema": _reference("schemas", schema)}},
    }


def _model_in(models: list[str]) -> Json:
    return {"required": ["model"], "properties": {"model": {"enum": models}}}


def _component(name: str) -> Json:
    schema = {key: value for key, value in _load(name).items() if key not in ("$schema", "$id")}
    return _relocated(schema, name)


def _relocated(node: Json, home: str) -> Json:
    """`node` of the schema `home` with every ``$ref`` leading into the components."""
    if isinstance(node, list):
        return [_relocated(item, home) for item in cast("Iterable[Json]", node)]
    if not isinstance(node, dict):
        return node
    members = cast("dict[str, Json]", node)
    return {
        key: _place(value, home) if key == "$ref" else _relocated(value, home)
        for key, value in members.items()
    }


def _place(reference: str, home: str) -> str:
    document, _, path = reference.partition("#")
    return f"#/components/schemas/{document.rpartition(':')[2] or home}{path}"


def _reference(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _load(name: str) -> Json:
    return json.loads((REVISION / f"{name}.json").read_text(encoding="utf-8"))


def text() -> str:
    """The document as it stands in the file."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
