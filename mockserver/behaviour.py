"""How the mock acts wherever the contract leaves it open: one switch for each such point."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

from .validation import likely
from .wire import Json, WireError, load


class BehaviourError(ValueError):
    """A behaviour that cannot be loaded; the message says what is wrong and what to try."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The switches. Their defaults are the preset `observed`: as the live service is known to act.

    `docs/behaviours.md` has the table of all switches and presets.
    """

    #: An Authorization header that holds a bare key, without the word Bearer.
    authorization_scheme: Literal["required", "optional"] = "required"
    #: The body of the refusal of an unknown key.
    invalid_key: Literal["string", "object"] = "string"
    #: What `/v1/rerank/` is answered with: status 307, or 404.
    trailing_slash: Literal["redirect", "not_found"] = "redirect"
    #: A path that exists, asked with another method: 405, or 404.
    wrong_method: Literal["method_not_allowed", "not_found"] = "not_found"
    #: The body of a 404: plain text, or a JSON string.
    not_found_body: Literal["text", "string"] = "text"
    #: The most bytes that the body of a request may have.
    max_body_bytes: int = 16 * 1024 * 1024
    #: A Content-Type other than JSON, or none.
    content_type: Literal["any", "json"] = "any"
    #: A key that a JSON object has twice: the last one counts, or the body is refused.
    duplicate_keys: Literal["last", "refuse"] = "last"
    #: A field that the contract does not name.
    unknown_fields: Literal["ignore", "refuse"] = "ignore"
    #: An optional field that is null: counts as absent, or breaks its type.
    optional_null: Literal["absent", "refuse"] = "absent"
    #: 4.0 where the contract wants an integer.
    integral_number: Literal["accept", "refuse"] = "accept"
    #: What a 400 says: always the same, or the field and its rule.
    refusal_message: Literal["generic", "field_rule"] = "field_rule"
    #: A model that is known and offline: 403 with code 30003, or as an unknown one.
    offline_model: Literal["disabled", "not_found"] = "disabled"
    #: A field with a model that does not support it.
    gated_fields: Literal["ignore", "refuse"] = "ignore"
    #: A document that is an empty string: has a result, has none, or is refused. That the service
    #: leaves it out is told by its users: volcengine/OpenViking#2330, #2619, #3090.
    empty_document: Literal["accept", "leave_out", "refuse"] = "leave_out"
    #: `top_n` larger than the number of documents: all come back, or the request is refused.
    top_n_beyond_documents: Literal["all", "refuse"] = "all"
    #: A request that costs money when there is none left: status 402, or 403.
    empty_balance: Literal["payment_required", "forbidden"] = "payment_required"
    #: `Retry-After` with a 429: the seconds until its limit has room again.
    retry_after: Literal["absent", "present"] = "absent"
    #: `x-ratelimit-limit-requests`, `-remaining-requests` and `-reset-requests`, and the same for
    #: tokens, with each answer that limits had a say in.
    rate_limit_headers: Literal["absent", "present"] = "absent"
    #: `x-rerank-mock-advice` with the ids of the advice on the request, where there is any.
    advice_header: Literal["absent", "present"] = "present"
    #: `document` in each result when `return_documents` is not true.
    document_when_not_returned: Literal["absent", "null"] = "null"
    #: The form of `id`: a version 7 UUID of 32 hexadecimal digits, or the page's `rerank-`, day,
    #: and 12 digits.
    id_format: Literal["uuid7", "page"] = "uuid7"
    #: `image_tokens` in `meta.billed_units`.
    billed_image_tokens: Literal["absent", "present"] = "absent"
    #: Queries such as `rerank-mock:overloaded`, which bring what they name.
    magic_inputs: Literal["on", "off"] = "on"


OBSERVED = Behaviour()

#: Presets by name. `page` is the page to the letter; `strict` refuses whatever is doubtful.
PRESETS = {
    "observed": OBSERVED,
    "page": replace(
        OBSERVED,
        trailing_slash="not_found",
        not_found_body="string",
        optional_null="refuse",
        refusal_message="generic",
        gated_fields="refuse",
        empty_document="accept",
        empty_balance="forbidden",
        document_when_not_returned="absent",
        id_format="page",
        billed_image_tokens="present",
        magic_inputs="off",
    ),
    "strict": replace(
        OBSERVED,
        trailing_slash="not_found",
        wrong_method="method_not_allowed",
        content_type="json",
        duplicate_keys="refuse",
        unknown_fields="refuse",
        optional_null="refuse",
        integral_number="refuse",
        gated_fields="refuse",
        empty_document="refuse",
        top_n_beyond_documents="refuse",
        document_when_not_returned="absent",
    ),
}

_SWITCHES = {field.name: field for field in fields(Behaviour)}


def load_behaviour(source: str) -> Behaviour:
    """Return the preset of that name, or read a file such as `{"base": "page", SWITCH: VALUE}`.

    Without `base` the file builds on `observed`.
    """
    if source in PRESETS:
        return PRESETS[source]
    try:
        return read_behaviour(load(Path(source).read_bytes(), unique_keys=True))
    except FileNotFoundError:
        presets = ", ".join(PRESETS)
        raise BehaviourError(f"{source}: neither a preset ({presets}) nor a file") from None
    except OSError as error:
        raise BehaviourError(f"{source}: cannot be read: {error.strerror}") from None
    except (WireError, BehaviourError) as error:
        raise BehaviourError(f"{source}: {error}") from None


def read_behaviour(choices: Json) -> Behaviour:
    """Make a behaviour of JSON such as `{"base": "page", SWITCH: VALUE}`."""
    if not isinstance(choices, dict):
        raise BehaviourError("must hold a JSON object of switches")
    switches = dict(choices)
    base = switches.pop("base", "observed")
    if not isinstance(base, str) or base not in PRESETS:
        raise BehaviourError(f"base: must be one of {', '.join(PRESETS)}, not {base!r}")
    for switch, value in switches.items():
        _check(switch, value)
    return replace(PRESETS[base], **cast("dict[str, Any]", switches))


def _check(switch: str, value: Json) -> None:
    if switch not in _SWITCHES:
        raise BehaviourError(f"unknown switch {switch!r}{likely(switch, list(_SWITCHES))}")
    allowed = get_args(_SWITCHES[switch].type)
    if allowed and value not in allowed:
        raise BehaviourError(f"{switch}: must be one of {', '.join(allowed)}, not {value!r}")
    if not allowed and (type(value) is not int or value < 1):
        raise BehaviourError(f"{switch}: must be a positive integer, not {value!r}")
