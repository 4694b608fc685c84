"""How the mock behaves where the contract leaves it open: one switch for each such point."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

from .contract import Contract, load_contract
from .validation import MOST, InputError, check, likely, read_json, within
from .wire import Json

#: The presets of each revision.
PRESET_NAMES = ("observed", "page", "strict")


class BehaviourError(InputError):
    """An invalid behaviour; the message says what is wrong and what is allowed."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The switches. Their defaults are the preset `observed` of the newest revision.

    The `behaviours.json` of a revision describes their values as seen on the wire; the table of all
    switches and presets is in `docs/behaviours.md`.
    """

    #: Whether the word Bearer is required before the key in the Authorization header.
    authorization_scheme: Literal["required", "optional"] = "required"
    #: The body of the 401 for an unknown key.
    invalid_key: Literal["string", "object"] = "string"
    #: The answer to `/v1/rerank/`: status 307 or 404.
    trailing_slash: Literal["redirect", "not_found"] = "redirect"
    #: The answer to a wrong method on a path that exists: status 405 or 404.
    wrong_method: Literal["method_not_allowed", "not_found"] = "not_found"
    #: Whether a page in a browser, from another origin, may send requests.
    cors: Literal["absent", "present"] = "absent"
    #: The body of a 404: plain text, or a JSON string.
    not_found_body: Literal["text", "string"] = "text"
    #: The longest body of a request, in bytes.
    max_body_bytes: int = 4 * 1024 * 1024
    #: Whether the Content-Type must be application/json.
    content_type: Literal["any", "json"] = "any"
    #: A duplicate key in a JSON object: the last one counts, or the body is refused.
    duplicate_keys: Literal["last", "refuse"] = "last"
    #: A field that the contract does not have.
    unknown_fields: Literal["ignore", "refuse"] = "ignore"
    #: An optional field that is null: counts as absent, or is refused.
    optional_null: Literal["absent", "refuse"] = "absent"
    #: A number such as 4.0 where the contract requires an integer.
    integral_number: Literal["accept", "refuse"] = "accept"
    #: A `top_n` or `max_chunks_per_doc` below 1, or `overlap_tokens` below 0, where the contract
    #: states no minimum: counts as absent, or the request is refused.
    number_below_minimum: Literal["ignore", "refuse"] = "ignore"
    #: The message of a 400: always the same, or the field and its rule.
    refusal_message: Literal["generic", "field_rule"] = "field_rule"
    #: A model that is offline: 403 with code 30003, or the same as an unknown model.
    offline_model: Literal["disabled", "not_found"] = "disabled"
    #: A field that the model does not support.
    gated_fields: Literal["ignore", "refuse"] = "ignore"
    #: A document that is an empty string: has a result, has none, or is refused. Users report that
    #: the service leaves it out: volcengine/OpenViking#2330, #2619, #3090.
    empty_document: Literal["accept", "leave_out", "refuse"] = "leave_out"
    #: The most documents of a request.
    max_documents: int = 1_000_000
    #: A request with more: status 400 or 413.
    too_many_documents: Literal["parameter_error", "entity_too_large"] = "parameter_error"
    #: A query and a document that do not fit into the context of the model together: the best part
    #: of the document counts, or the request is refused. With models that take
    #: `max_chunks_per_doc`, documents always fit.
    context_overflow: Literal["truncate", "refuse"] = "truncate"
    #: A `top_n` greater than the number of documents: returns all, or is refused.
    top_n_beyond_documents: Literal["all", "refuse"] = "all"
    #: A request that costs money when none is left: status 402 or 403.
    empty_balance: Literal["payment_required", "forbidden"] = "payment_required"
    #: `Retry-After` with a 429: the seconds until its limit has room again.
    retry_after: Literal["absent", "present"] = "absent"
    #: `x-ratelimit-limit-requests`, `-remaining-requests` and `-reset-requests`, and the same for
    #: tokens, on each answer for which the limits were checked.
    rate_limit_headers: Literal["absent", "present"] = "absent"
    #: `x-rerank-mock-advice` with the ids of the advice on the request, if there is any.
    advice_header: Literal["absent", "present"] = "present"
    #: `document` in each result when `return_documents` is not true.
    document_when_not_returned: Literal["absent", "null"] = "null"
    #: The form of `id`: a version 7 UUID of 32 hexadecimal digits, or as on the page `rerank-`, the
    #: day, and 12 digits.
    id_format: Literal["uuid7", "page"] = "uuid7"
    #: Where the answer has token counts: in `meta`, in a top-level `tokens`, or in both.
    usage: Literal["meta", "tokens", "both"] = "meta"
    #: `image_tokens` in `meta.billed_units`.
    billed_image_tokens: Literal["absent", "present"] = "absent"
    #: Queries such as `rerank-mock:overloaded`, which name their answer.
    magic_inputs: Literal["on", "off"] = "on"

    def to_json(self) -> dict[str, str | int]:
        """Return its JSON."""
        return {switch: getattr(self, switch) for switch in _SWITCHES}


_SWITCHES = {field.name: field for field in fields(Behaviour)}


@cache
def presets(contract: Contract) -> Mapping[str, Behaviour]:
    """Return the presets of a revision by name.

    `observed` behaves as the live service is known to, `page` follows the page to the letter, and
    `strict` refuses everything doubtful.
    """
    return {name: Behaviour(**switches) for name, switches in contract.presets.items()}


def check_behaviour(value: object) -> None:
    """Raise `BehaviourError` unless it is a behaviour."""
    if not isinstance(value, Behaviour):
        known = ", ".join(PRESET_NAMES)
        raise BehaviourError(
            f"expected a Behaviour or the name of a preset ({known}), got {value!r};"
            " change_behaviour takes single switches"
        )


def load_behaviour(source: str, contract: Contract | None = None) -> Behaviour:
    """Return the preset of that name, or read a file such as `{"base": "page", SWITCH: VALUE}`.

    Without `base` the file builds on `observed`. Raises `BehaviourError`.
    """
    contract = contract or load_contract()
    known = presets(contract)
    if source in known:
        return known[source]
    if not Path(source).exists():
        raise BehaviourError(f"neither a preset ({', '.join(known)}) nor a file", source=source)
    choices = read_json(source, BehaviourError)
    with within(source=source):
        return read_behaviour(choices, contract)


def read_behaviour(choices: Json, contract: Contract) -> Behaviour:
    """Return a behaviour from JSON such as `{"base": "page", SWITCH: VALUE}`.

    A file of `rerank-contract observe` also has `observed`, which says how the values were seen.
    """
    if not isinstance(choices, dict):
        raise BehaviourError("must be a JSON object of switches")
    switches = dict(choices)
    if "observed" in switches:
        _check_observed(switches.pop("observed"), contract)
    base, known = switches.pop("base", "observed"), presets(contract)
    if not isinstance(base, str) or base not in known:
        raise BehaviourError(f"must be one of {', '.join(known)}, not {base!r}", "base")
    for switch, value in switches.items():
        _check(switch, value)
    return replace(known[base], **cast("dict[str, Any]", switches))


def _check_observed(observed: Json, contract: Contract) -> None:
    check("observation", {"observed": observed}, BehaviourError)
    revision = cast("dict[str, Json]", observed)["revision"]
    if revision != contract.revision:
        own = contract.revision
        rule = f"was observed by revision {revision!r}, the mock keeps {own!r}: set --revision"
        raise BehaviourError(rule, "observed.revision")


def _check(switch: str, value: Json) -> None:
    if switch not in _SWITCHES:
        raise BehaviourError(f"unknown switch {switch!r}{likely(switch, list(_SWITCHES))}")
    allowed = get_args(_SWITCHES[switch].type)
    given = repr(value) if isinstance(value, str) else json.dumps(value)
    if allowed and value not in allowed:
        raise BehaviourError(f"must be one of {', '.join(allowed)}, not {given}", switch)
    if not allowed and not (type(value) is int and 1 <= value <= MOST):
        raise BehaviourError(f"must be a positive integer, not {given}", switch)
