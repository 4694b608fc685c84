"""JSON Schemas of the bodies and answers of `/__admin`, based on `schemas/files/`."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, TypeAlias, get_args

from ..behaviour import PRESET_NAMES, Behaviour
from ..state.clock import LAST
from ..state.quotas import LimitName
from ..state.recordings import Unrecorded
from ..validation import MOST, register, schema_of

Schema: TypeAlias = Mapping[str, Any]

#: What can be asserted of calls: the methods `assert_…` of the fixtures, by their names.
Assertion: TypeAlias = Literal[
    "called_with", "any_call", "called_once_with", "called_once", "called", "not_called"
]

#: Those of them that take fields.
OF_FIELDS: tuple[Assertion, ...] = ("called_with", "any_call", "called_once_with")

#: The `$id` of a schema is this and its name.
PREFIX = "urn:rerank-contract:admin:"


def table(name: str) -> Schema:
    """Return a reference to a schema of `schemas/files/`."""
    return {"$ref": f"urn:rerank-contract:files:{name}"}


def an_object(members: Mapping[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object with these members and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name in members if name not in optional],
        "properties": members,
    }


def array_of(schema: Schema) -> Schema:
    """Return the schema of an array of these items."""
    return {"type": "array", "items": schema}


def _named(name: str, title: str, schema: Schema) -> Schema:
    register(PREFIX + name, {**schema, "$id": PREFIX + name, "title": title})
    return {"$ref": PREFIX + name}


def _without(schema: Schema, *members: str) -> Schema:
    """Return the schema of an object without these members, all others optional."""
    kept = {name: value for name, value in schema["properties"].items() if name not in members}
    left_out = ("$schema", "$id", "title", "required")
    return {**{k: v for k, v in schema.items() if k not in left_out}, "properties": kept}


def _with_balance(schema: Schema) -> Schema:
    total = {
        "description": "The total in CNY: all of it charged, nothing granted.",
        "$ref": "#/$defs/money",
    }
    return {**schema, "properties": {**schema["properties"], "balance": total}}


_ACCOUNT = schema_of("account")
_NAME: Schema = {
    "description": "The name of an account; needed only if there are several.",
    "type": "string",
}
_SECONDS: Schema = {"type": "number", "minimum": 0, "maximum": LAST}
_TIME: Schema = {"description": "Seconds since the epoch.", **_SECONDS}
_COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": MOST}
_SWITCHES: Mapping[str, Schema] = {
    switch.name: {"enum": list(get_args(switch.type))}
    if get_args(switch.type)
    else {"type": "integer", "minimum": 1, "maximum": MOST}
    for switch in fields(Behaviour)
}
_BASE: Schema = {"description": "By default observed.", "enum": list(PRESET_NAMES)}

#: Bodies.
EMPTY = _named("empty", "An empty object", an_object({}))
NEW_ACCOUNT = _named("new_account", "An account to open", _with_balance(_without(_ACCOUNT)))
ACCOUNT_CHANGE = _named(
    "account_change", "What to change", _with_balance(_without(_ACCOUNT, "name"))
)
FREEZING = _named(
    "freezing", "The time to stop at; by default now", an_object({"at": _TIME}, optional=("at",))
)
ADVANCE = _named("advance", "How far to move the clock forward", an_object({"seconds": _SECONDS}))
ARMING = _named(
    "arming",
    "A scenario for an account",
    an_object(
        {
            "account": _NAME,
            "scenario": {
                "description": "A scenario, the name of a ready-made one, the id or the status of"
                " an error, a step, or an array of these.",
                "type": ["string", "integer", "object", "array"],
                "if": {"type": "object", "required": ["name", "steps"]},
                "then": table("scenario"),
            },
            "times": {
                "description": "How many requests its only fault affects.",
                "type": "integer",
                "minimum": 1,
            },
        },
        optional=("account", "times"),
    ),
)
PINNING = _named(
    "pinning",
    "Scores for an account",
    an_object({"account": _NAME, "pins": table("pins")}, optional=("account",)),
)
VERIFICATION = _named(
    "verification",
    "What the calls of a client should have been",
    an_object(
        {
            "account": {
                "description": "The name of an account: only its calls count, and those without a"
                " valid key; all calls, if absent.",
                "type": "string",
            },
            "after": {"description": "Only calls with a greater number count.", **_COUNT},
            "assertion": {
                "description": "As in the fixtures: called_with means the last call, any_call some"
                " call, called_once_with the only one. By default called_with.",
                "enum": list(get_args(Assertion)),
            },
            "fields": {
                "description": "Fields that the body of the call must have; it may have others.",
                "type": "object",
                "maxProperties": 100,
            },
        },
        optional=("account", "after", "assertion", "fields"),
    ),
)
NEW_BEHAVIOUR = _named(
    "new_behaviour",
    "A preset, and the switches that differ",
    an_object({"base": _BASE, **_SWITCHES}, optional=("base", *_SWITCHES)),
)
SWITCHES = _named(
    "switches", "The switches to change", an_object(_SWITCHES, optional=tuple(_SWITCHES))
)

#: Answers.
BEHAVIOUR = _named("behaviour", "All switches", an_object(_SWITCHES))
CLOCK = _named(
    "clock", "The clock of the mock", an_object({"now": _TIME, "frozen": {"type": "boolean"}})
)
HEALTH = _named(
    "health",
    "The health of the mock",
    an_object({"status": {"const": "ok"}, "accounts": _COUNT, "exchanges": _COUNT, "clock": CLOCK}),
)
OPENED = _named(
    "opened",
    "The account, and its key if one was generated",
    an_object({"account": table("account"), "key": {"type": "string"}}, optional=("key",)),
)
ACCOUNTS = _named("accounts", "Accounts", an_object({"accounts": array_of(table("account"))}))
USES = _named(
    "uses",
    "How much is used of limits",
    an_object(
        {
            "uses": array_of(
                an_object(
                    {
                        "account": {"type": "string"},
                        "model": {"type": "string"},
                        "limit": {"enum": list(get_args(LimitName))},
                        "most": {"description": "Requests or tokens of a window.", **_COUNT},
                        "used": _COUNT,
                        "resets_in": {
                            "description": "Seconds until the window closes.",
                            **_SECONDS,
                        },
                    }
                )
            )
        }
    ),
)
MODELS = _named(
    "models",
    "Models, and changes that are planned for them",
    an_object(
        {"models": table("models"), "planned_changes": array_of(table("model_change"))},
    ),
)
SCENARIOS = _named("scenarios", "Scenarios", an_object({"scenarios": array_of(table("scenario"))}))
RECEIPTS = _named("receipts", "Receipts", an_object({"receipts": array_of(table("receipt"))}))
PINS = _named("pins", "Pins", an_object({"pins": table("pins")}))
_HEADERS: Schema = {"$ref": "urn:rerank-contract:files:entry#/$defs/headers"}
RECORDED = _named(
    "recorded",
    "Requests that another server has answered, oldest first",
    an_object(
        {
            "requests": {
                "type": "array",
                "maxItems": 1000,
                "items": an_object(
                    {
                        "method": {"type": "string"},
                        "path": {"type": "string"},
                        "query": {"type": "string"},
                        "headers": _HEADERS,
                        "body": {"type": "string"},
                        "encoding": {
                            "description": "How the body is encoded, if it is not plain text.",
                            "const": "base64",
                        },
                        "caller": {
                            "description": "The same text for requests of the same caller, which"
                            " are compared with each other.",
                            "type": "string",
                        },
                        "at": _TIME,
                        "milliseconds": {"type": "number", "minimum": 0},
                        "status": {
                            "description": "The status of the answer. Without it the request is not"
                            " compared with others.",
                            "type": "integer",
                            "minimum": 100,
                            "maximum": 999,
                        },
                        "response_headers": _HEADERS,
                    },
                    optional=(
                        *("query", "headers", "body", "encoding", "caller"),
                        *("at", "milliseconds", "status", "response_headers"),
                    ),
                ),
            }
        }
    ),
)
ADVISED = _named(
    "advised",
    "The advice on each request",
    an_object(
        {"advice": array_of(array_of({"$ref": "urn:rerank-contract:files:entry#/$defs/advice"}))}
    ),
)
JOURNAL = _named(
    "journal",
    "Entries; how many there have been in total, and how many match",
    an_object({"seen": _COUNT, "found": _COUNT, "entries": array_of(table("entry"))}),
)
_DIFFERENCE = an_object(
    {
        "field": {
            "description": "Its name, with the place in an array: documents[1].",
            "type": "string",
        },
        "expected": {"description": "As in the body of the call."},
        "actual": {"description": "What was sent; absent if the field was missing."},
    },
    optional=("actual",),
)
VERIFIED = _named(
    "verified",
    "Whether it holds, of how many calls, and if not, why: the nearest call, and how it differs",
    an_object(
        {
            "verified": {"type": "boolean"},
            "calls": _COUNT,
            "message": {"type": "string"},
            "nearest": {
                "description": "The last call, or for any_call and called_once_with the one in"
                " which the fewest fields differ; only if fields were compared and do not match.",
                **an_object(
                    {
                        "number": {"description": "That of its entry in the journal.", **_COUNT},
                        "differences": array_of(_DIFFERENCE),
                    }
                ),
            },
        },
        optional=("nearest",),
    ),
)
REPLAY = _named(
    "replay",
    "Recordings, in their order",
    an_object(
        {
            "source": {"description": "The name of the file.", "type": "string"},
            "unrecorded": {"enum": list(get_args(Unrecorded))},
            "recordings": array_of(
                an_object(
                    {
                        "place": {"description": "Where it is in the file.", "type": "string"},
                        "status": {"type": "integer"},
                        "played": _COUNT,
                    }
                )
            ),
        }
    ),
)
FORGOTTEN = _named("forgotten", "How many entries were deleted", an_object({"forgotten": _COUNT}))
PROBLEM = _named(
    "problem",
    "Why a call was refused",
    an_object(
        {
            "path": {
                "description": "Where the problem is: a JSON path ($.name), a query parameter "
                "(?name), or a path (/name).",
                "type": "string",
            },
            "reason": {"type": "string"},
        }
    ),
)
