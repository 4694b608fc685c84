"""Writes ``schemas/openapi.json``: the newest revision as one OpenAPI 3.1 document."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = Any

SCHEMAS = Path(__file__).parents[1] / "schemas"
#: The newest; its name is the month in which the published page was last read.
REVISION = max((SCHEMAS / "revisions").iterdir())
TARGET = SCHEMAS / "openapi.json"
#: Phrases of RFC 9110 that CPython has only since 3.13.
PHRASES = {413: "Content Too Large"}
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
    "ModelList": {
        "type": "object",
        "required": ["object", "data"],
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}},
        },
    },
    "Model": {
        "type": "object",
        "required": ["id", "object"],
        "properties": {
            "id": {"type": "string", "minLength": 1},
            "object": {"const": "model"},
            "created": {"type": "integer"},
            "owned_by": {"type": "string"},
        },
    },
    "UserInfo": {
        "type": "object",
        "required": ["code", "message", "status", "data"],
        "properties": {
            "code": {"const": 20000},
            "message": {"type": "string"},
            "status": {"type": "boolean"},
            "data": {"$ref": "#/components/schemas/Account"},
        },
    },
    "Account": {
        "type": "object",
        "properties": {
            "balance": MONEY,
            "chargeBalance": MONEY,
            "totalBalance": MONEY,
            "status": {"type": "string"},
        },
    },
}
FORMS = ("classic", "multimodal")
#: Keywords that say the same of any type.
SHARED = ("title", "description", "examples", "default")
#: Other keywords of schemas for several types -> the type that they speak of.
OF_TYPE = {
    "minLength": "string",
    "minItems": "array",
    "items": "array",
    "properties": "object",
    "required": "object",
    "anyOf": "object",
}


def build() -> dict[str, Json]:
    """The OpenAPI document, from the schemas and tables as they stand."""
    errors = error_responses(_load("errors"), _load("behaviours"))
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
                            "application/json": {"schema": _reference("schemas", "RerankRequest")}
                        },
                    },
                    "responses": {
                        "200": {
                            "headers": _traced(required=True),
                            **_success("The ranking.", title("response")),
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
                    "responses": {"200": _success("The models.", "ModelList"), **no_key},
                }
            },
            "/user/info": {
                "get": {
                    "operationId": "getUserInfo",
                    "summary": "Show the account that the key belongs to.",
                    "responses": {"200": _success("The account.", "UserInfo"), **no_key},
                }
            },
        },
        "components": {
            "schemas": {
                "RerankRequest": gated_request(_load("models")),
                **Components(*(f"request.{form}" for form in FORMS), "response", "error"),
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
    forms = {form: _reference("schemas", title(f"request.{form}")) for form in FORMS}
    return {
        "title": "Rerank request",
        "description": REQUEST_DESCRIPTION,
        # All that generators of clients understand; what follows is for validators.
        "anyOf": list(forms.values()),
        "if": _model_in(multimodal),
        "then": forms["multimodal"],
        "else": forms["classic"],
        "dependentSchemas": {
            field: {
                "properties": {
                    "model": {
                        "not": {
                            "enum": [
                                model["id"] for model in models if field not in model["supports"]
                            ]
                        }
                    }
                }
            }
            for field in fields
        },
    }


def error_responses(errors: list[Json], behaviours: Json) -> dict[str, Json]:
    """One response for each status of the error table, with every body that it may have."""
    return {
        str(status): {
            "description": PHRASES.get(status) or HTTPStatus(status).phrase,
            "headers": _traced(required=False),
            "content": {
                media_type: {
                    "schema": {"type": "string"}
                    if media_type == "text/plain"
                    else _reference("schemas", title("error")),
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
                for media_type in _media_types(behaviours, status) or ["application/json"]
            },
        }
        for status in sorted({error["status"] for error in errors})
    }


def _media_types(behaviours: Json, status: int) -> list[str]:
    """The media types that a switch leaves open for the status; generators take the first."""
    listed = (row["values"] for row in behaviours["switches"] if isinstance(row["values"], list))
    wires = [value["wire"].get("properties", {}) for values in listed for value in values]
    return [
        wire["headers"]["properties"]["content-type"]["pattern"].removeprefix("^")
        for wire in wires
        if wire.get("status") == {"const": status}
        and "content-type" in wire.get("headers", {}).get("properties", {})
    ]


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


class Components(dict[str, Json]):
    """Schemas by name, in the shape that generators of clients understand.

    Each object has a name of its own, each type stands alone, and no reference leads into another
    schema. What the schemas decide stays the same.
    """

    def __init__(self, *documents: str) -> None:
        super().__init__()
        for document in documents:
            schema = _load(document)
            name = title(document)
            # Reserves its place before the schemas that it refers to.
            self[name] = {}
            self[name] = self._shaped(schema, document, name, is_component=True)

    def _shaped(self, node: Json, home: str, name: str, *, is_component: bool = False) -> Json:
        """`node` of the document `home`; what is an object inside it is called `name`."""
        if "$ref" in node:
            document, _, path = node["$ref"].partition("#")
            home = document.rpartition(":")[2] or home
            target = _load(home)
            for part in path.split("/")[1:]:
                target = target[part]
            siblings = {key: value for key, value in node.items() if key != "$ref"}
            # A definition has a name; a property is called by its own.
            last = path.rpartition("/")[2]
            return self._shaped({**target, **siblings}, home, last if "$defs" in path else name)
        types: Json = node.get("type")
        shaped: dict[str, Json] = {key: node[key] for key in node if key[0] != "$"}
        if not isinstance(types, (str, type(None))):
            shared = {key: value for key, value in shaped.items() if key in SHARED}
            name = f"{name}Object" if is_component else name
            return {
                **shared,
                "anyOf": [self._shaped(_only(shaped, type_), home, name) for type_ in types],
            }
        if "default" in shaped:
            # Generated clients would send it, which a model without the field may refuse.
            default = json.dumps(shaped.pop("default"))
            shaped["description"] = f"{shaped['description']} Default: {default}."
        if "items" in shaped:
            shaped["items"] = self._shaped(shaped["items"], home, name)
        if "properties" in shaped:
            if "anyOf" in shaped:
                # At least one of them, said in a way that generators leave alone.
                keys = [key for choice in shaped.pop("anyOf") for key in choice["required"]]
                untyped: dict[str, Json] = {key: {} for key in keys}
                shaped["properties"] = {**untyped, **shaped["properties"]}
                shaped["not"] = {"properties": {key: {"not": {}} for key in keys}}
            shaped["properties"] = {
                key: self._shaped(value, home, key) for key, value in shaped["properties"].items()
            }
        if types == "object" and not is_component:
            name = name[0].upper() + name[1:]
            if self.setdefault(name, shaped) != shaped:
                raise ValueError(f"two different objects are called {name}")
            return _reference("schemas", name)
        return shaped


def _only(schema: Json, type_: str) -> Json:
    """What a schema for several types says of one of them."""
    own = schema.keys() - {"type", *SHARED}
    return {
        "type": type_,
        **{key: schema[key] for key in schema if key in own and OF_TYPE[key] == type_},
    }


def title(name: str) -> str:
    """The name of a document's component: its title in one word."""
    return "".join(word.capitalize() for word in _load(name)["title"].split())


def _reference(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _load(name: str) -> Json:
    return json.loads((REVISION / f"{name}.json").read_text(encoding="utf-8"))


def text() -> str:
    """The document as it stands in the file."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
