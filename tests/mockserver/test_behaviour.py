import json
import re
from collections.abc import Callable
from dataclasses import fields as switches_of
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest

from mockserver.behaviour import Behaviour, BehaviourError, load_behaviour
from mockserver.contract import load_contract
from mockserver.state.clock import Clock
from mockserver.state.store import DEFAULT_KEY, State
from mockserver.wire import Response
from tests.mockserver.asking import (
    AUTHORIZATION,
    HEADERS,
    OBSERVED,
    OFFLINE,
    PRESETS,
    QWEN,
    ask,
    fields,
    read,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "behaviours.md"
SWITCHES = {switch.name: switch for switch in switches_of(Behaviour)}


def status(response: Response) -> int:
    return response.status


def code(response: Response) -> tuple[int, int]:
    return response.status, read(response)["code"]


def raw(response: Response) -> bytes:
    return response.body


def outcome(response: Response) -> object:
    """Return the number of results, or the message of the refusal."""
    return len(read(response)["results"]) if response.status == 200 else read(response)["message"]


def usage(response: Response) -> object:
    return {"meta", "tokens"} & read(response).keys()


def document(response: Response) -> object:
    return read(response)["results"][0].get("document", "absent")


def id_form(response: Response) -> str:
    """Return the id with the count of digits in place of the digits."""
    return re.sub("[0-9a-f]{8,}", lambda digits: str(len(digits[0])), read(response)["id"])


def billed_image_tokens(response: Response) -> object:
    return read(response)["meta"]["billed_units"].get("image_tokens", "absent")


def waiting(response: Response) -> dict[str, str]:
    return {k: v for k, v in response.headers.items() if k.startswith(("retry-", "x-ratelimit-"))}


def advice(response: Response) -> str | None:
    return response.headers.get("x-rerank-mock-advice")


class Case(NamedTuple):
    """What is sent, what is looked at, and what is seen on each side of the switch."""

    sent: dict[str, Any]
    look: Callable[[Response], object]
    sides: dict[Any, object]
    #: What differs of the account that asks.
    account: dict[str, Any] = {}  # noqa: RUF012 - never written to
    #: What differs of the other switches.
    behaviour: dict[str, Any] = {}  # noqa: RUF012 - never written to


def sending(key: str) -> dict[str, Any]:
    return {"body": fields(), "headers": {**HEADERS, "authorization": key}}


CASES = {
    "authorization_scheme": Case(sending(DEFAULT_KEY), status, {"required": 401, "optional": 200}),
    "invalid_key": Case(
        sending("Bearer sk-wrong"),
        read,
        {
            "string": "Api key is invalid",
            "object": {"code": 30014, "message": "Api key is invalid", "data": None},
        },
    ),
    "trailing_slash": Case({"path": "/v1/rerank/"}, status, {"redirect": 307, "not_found": 404}),
    "cors": Case(
        {
            "method": "OPTIONS",
            "headers": {"origin": "https://a.b", "access-control-request-method": "POST"},
        },
        status,
        {"absent": 404, "present": 200},
    ),
    "wrong_method": Case({"method": "GET"}, status, {"method_not_allowed": 405, "not_found": 404}),
    "not_found_body": Case(
        {"path": "/rerank"},
        raw,
        {"text": b"404 page not found", "string": b'"404 page not found"'},
    ),
    "max_body_bytes": Case(
        {"body": json.dumps(fields()).encode().ljust(500)}, status, {500: 200, 499: 413}
    ),
    "content_type": Case(
        {"body": fields(), "headers": AUTHORIZATION},
        outcome,
        {"any": 3, "json": "Content-Type: Must be application/json"},
    ),
    "duplicate_keys": Case(
        {"body": json.dumps(fields()).encode()[:-1] + b', "documents": "one"}'},
        outcome,
        {"last": 1, "refuse": "body: Has the key 'documents' twice"},
    ),
    "unknown_fields": Case(
        {"body": fields(top_k=1)},
        outcome,
        {"ignore": 3, "refuse": "top_k: Is not a field of this request"},
    ),
    "optional_null": Case(
        {"body": fields(top_n=None)},
        outcome,
        {"absent": 3, "refuse": "top_n: Must be of type integer"},
    ),
    "integral_number": Case(
        {"body": fields(top_n=2.0)},
        outcome,
        {"accept": 2, "refuse": "top_n: Must be of type integer"},
    ),
    "refusal_message": Case(
        {"body": fields(top_n=0)},
        outcome,
        {
            "generic": "The parameter is invalid. Please check again.",
            "field_rule": "top_n: Must be greater than or equal to 1",
        },
    ),
    "offline_model": Case(
        {"body": fields(model=OFFLINE)},
        code,
        {"disabled": (403, 30003), "not_found": (400, 20012)},
    ),
    "gated_fields": Case(
        {"body": fields(model=QWEN, overlap_tokens=10)},
        outcome,
        {"ignore": 3, "refuse": f"overlap_tokens: Is not supported by {QWEN}"},
    ),
    "empty_document": Case(
        {"body": fields(documents=["a", ""])},
        outcome,
        {"accept": 2, "leave_out": 1, "refuse": "documents: Must not be empty strings"},
    ),
    "max_documents": Case(
        {"body": fields()}, outcome, {3: 3, 2: "documents: Must have at most 2 items"}
    ),
    "too_many_documents": Case(
        {"body": fields()},
        code,
        {"parameter_error": (400, 20015), "entity_too_large": (413, 20042)},
        behaviour={"max_documents": 2},
    ),
    "context_overflow": Case(
        {"body": fields(model=QWEN, query="apple", documents=["a " * 32_768, "b"])},
        outcome,
        {
            "truncate": 2,
            "refuse": f"documents: Has 32769 tokens with the query; {QWEN} takes 32768",
        },
    ),
    "top_n_beyond_documents": Case(
        {"body": fields(top_n=4)},
        outcome,
        {"all": 3, "refuse": "top_n: Must be at most the number of documents"},
    ),
    "empty_balance": Case(
        {"body": fields(model=QWEN)},
        code,
        {"payment_required": (402, 30001), "forbidden": (403, 30001)},
        {"charged_balance": Decimal(0)},
    ),
    "retry_after": Case(
        {"body": fields()},
        waiting,
        {"absent": {}, "present": {"retry-after": "60"}},
        {"limits": {"RPM": 0}},
    ),
    "rate_limit_headers": Case(
        {"body": fields()},
        waiting,
        {
            "absent": {},
            "present": {
                "x-ratelimit-limit-requests": "3",
                "x-ratelimit-remaining-requests": "2",
                "x-ratelimit-reset-requests": "60",
            },
        },
        {"limits": {"RPM": 3}},
    ),
    "advice_header": Case(
        {"body": fields(top_k=1)},
        advice,
        {"absent": None, "present": "unknown_field"},
    ),
    "document_when_not_returned": Case(
        {"body": fields()}, document, {"absent": "absent", "null": None}
    ),
    "id_format": Case({"body": fields()}, id_form, {"uuid7": "32", "page": "rerank-8-12"}),
    "usage": Case(
        {"body": fields()},
        usage,
        {"meta": {"meta"}, "tokens": {"tokens"}, "both": {"meta", "tokens"}},
    ),
    "billed_image_tokens": Case(
        {"body": fields()}, billed_image_tokens, {"absent": "absent", "present": 0}
    ),
    "magic_inputs": Case(
        {"body": fields(query="rerank-mock:overloaded")}, status, {"on": 503, "off": 200}
    ),
}


@pytest.mark.parametrize(
    ("switch", "value"), [(switch, value) for switch, case in CASES.items() for value in case.sides]
)
def test_each_side_of_each_switch_shows(switch: str, value: object) -> None:
    case = CASES[switch]
    chosen: dict[str, Any] = {switch: value}
    state = State(behaviour=replace(OBSERVED, **case.behaviour, **chosen), clock=Clock(0))
    state.change_account("account-1", **case.account)
    response = ask(state, **case.sent)
    assert case.look(response) == case.sides[value]


@pytest.mark.parametrize("name", ["top_n", "max_chunks_per_doc", "overlap_tokens"])
def test_a_number_below_any_sense_is_ignored_or_refused_where_no_minimum_is_stated(
    name: str,
) -> None:
    contract = load_contract("2024-11")
    ignoring = State(contract=contract, behaviour="observed")
    refusing = State(contract=contract, behaviour="strict")
    least = 0 if name == "overlap_tokens" else 1
    body = fields(**{name: least - 1})
    assert outcome(ask(ignoring, body)) == outcome(ask(ignoring, fields()))
    said = f"{name}: Must be greater than or equal to {least}"
    assert outcome(ask(refusing, body)) == said
    assert ask(refusing, fields(**{name: least})).status == 200


def test_every_switch_has_a_case_for_each_of_its_values() -> None:
    # The newest revision states every minimum: see the test above.
    assert CASES.keys() == SWITCHES.keys() - {"number_below_minimum"}
    for name, case in CASES.items():
        allowed = get_args(SWITCHES[name].type)
        assert not allowed or set(case.sides) == set(allowed)


def test_the_file_in_the_document_is_read(tmp_path: Path) -> None:
    example = DOCUMENT.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]
    path = tmp_path / "my.json"
    path.write_text(example, encoding="utf-8")
    expected = replace(PRESETS["page"], gated_fields="ignore", max_body_bytes=1048576)
    assert load_behaviour(str(path)) == expected


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_found_by_name(name: str) -> None:
    assert load_behaviour(name) is PRESETS[name]


def test_a_file_without_base_builds_on_observed(tmp_path: Path) -> None:
    path = tmp_path / "my.json"
    path.write_text("{}", encoding="utf-8")
    assert load_behaviour(str(path)) == OBSERVED


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a JSON object"),
        ('{"base": "pages"}', "base: must be one of observed, page, strict, not 'pages'"),
        ('{"base": []}', "base: must be one of"),
        ('{"gated_field": "ignore"}', "'gated_field'; did you mean 'gated_fields'?"),
        ('{"zzz": 1}', "unknown switch 'zzz'"),
        ('{"gated_fields": "drop"}', "gated_fields: must be one of ignore, refuse, not 'drop'"),
        ('{"gated_fields": []}', "gated_fields: must be one of"),
        ('{"max_body_bytes": 0}', "max_body_bytes: must be a positive integer, not 0"),
        ('{"max_body_bytes": true}', "max_body_bytes: must be a positive integer, not true"),
        ('{"observed": "x"}', "observed: "),
        ('{"observed": {"version": 1}}', "observed: "),
        (
            '{"observed": {"version": 99, "revision": "2026-07", "target": "a", "switches": {}}}',
            "observed.version: ",
        ),
        (
            '{"observed": {"version": 1, "revision": "a", "target": "a", "switches": {"cors": 1}}}',
            "observed.switches.cors: ",
        ),
        ('{"id_format": "page", "id_format": "uuid7"}', "has the key 'id_format' twice"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(
    tmp_path: Path, content: str, complaint: str
) -> None:
    path = tmp_path / "my.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BehaviourError) as caught:
        load_behaviour(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)


def test_what_is_neither_preset_nor_readable_file_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(BehaviourError, match=r"neither a preset \(observed, page, strict\)"):
        load_behaviour("observd")
    with pytest.raises(BehaviourError, match="cannot be read: Is a directory"):
        load_behaviour(str(tmp_path))
