"""The OpenAPI document of `/__admin`, built from its table of routes."""

from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, cast

from ..validation import schema_of
from .bodies import PREFIX, PROBLEM, Schema
from .routes import ROUTES, Route

#: How the `$id` of a schema of `schemas/files/` begins.
_TABLES = "urn:rerank-contract:files:"

#: The statuses of refusals, which any call may have.
REFUSALS = (400, 401, 403, 404, 405, 409, 413)


@cache
def document() -> Mapping[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(f"/__admin{route.path}", {})[route.method.lower()] = _operation(route)
    needed = [PROBLEM, *(schema for route in ROUTES for schema in (route.takes, route.gives))]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Administration of the mock",
            "version": "1",
            "description": "All times are in seconds since the epoch, by the clock of the mock. "
            "Clock, models, behaviour, snapshot and reset affect everyone who shares the mock; "
            "the rest affects one account. A call that is refused has changed nothing.",
        },
        # A mock that listens on a loopback address requires no token.
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": dict(_components([schema for schema in needed if schema])),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def summary(route: Route) -> str:
    """Return the summary of a call; without docstrings (python -OO) its name has to do."""
    return route.act.__doc__ or route.act.__name__.replace("_", " ")


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.act.__name__,
        "summary": summary(route),
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in route.places
            ),
            *(
                {
                    "name": name,
                    "in": "query",
                    "description": description,
                    "required": False,
                    "schema": {"type": "string"},
                }
                for name, description in route.query.items()
            ),
        ],
        "responses": {
            str(route.status): _body(HTTPStatus(route.status).phrase, route.gives),
            **{str(status): _body(HTTPStatus(status).phrase, PROBLEM) for status in REFUSALS},
        },
    }
    if route.takes is not None:
        operation["requestBody"] = {"required": True, **_body("JSON.", route.takes)}
    return operation


def _body(description: str, schema: Schema) -> dict[str, Any]:
    content = {"application/json": {"schema": _relocated(schema, "")}}
    return {"description": description, "content": content}


def _components(needed: list[Schema]) -> Iterator[tuple[str, Any]]:
    """Yield each schema that is referred to, directly or not, with its name."""
    seen: set[str] = set()
    left = sorted(_references(needed))
    while left:
        identifier = left.pop().partition("#")[0]
        if identifier and identifier not in seen:
            seen.add(identifier)
            schema = schema_of(identifier.removeprefix(_TABLES))
            left += sorted(_references(schema))
            inner = {k: v for k, v in schema.items() if k not in ("$schema", "$id")}
            yield _name(identifier), _relocated(inner, identifier)


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in cast("dict[str, object]", node).items():
            if key == "$ref":
                yield cast("str", value)
            else:
                yield from _references(value)
    elif isinstance(node, (list, tuple)):
        for item in cast("list[object]", node):
            yield from _references(item)


def _relocated(node: object, home: str) -> Any:  # noqa: ANN401 - a part of a schema
    """Return a part of the schema `home`, with its references pointing to the components."""
    if isinstance(node, list):
        return [_relocated(item, home) for item in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    members = cast("dict[str, object]", node)
    return {
        key: _place(cast("str", value), home) if key == "$ref" else _relocated(value, home)
        for key, value in members.items()
    }


def _place(reference: str, home: str) -> str:
    identifier, _, pointer = reference.partition("#")
    return f"#/components/schemas/{_name(identifier or home)}{pointer}"


def _name(identifier: str) -> str:
    return identifier.removeprefix(PREFIX).removeprefix("urn:rerank-contract:").replace(":", ".")
