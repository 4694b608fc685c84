"""What `behaviours.json` says of a switch on the wire is what the mock shows."""

import json
from collections.abc import Mapping
from dataclasses import fields as switches_of
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from mockserver.behaviour import PRESETS, Behaviour
from mockserver.engine import answer
from mockserver.state.clock import Clock
from mockserver.state.store import DEFAULT_KEY, State
from mockserver.wire import Request, Response
from tests.mockserver.asking import BGE, HEADERS, QWEN
from tests.schemas.data import NEWEST, Json, values_of

SWITCHES: dict[str, Json] = {
    switch["name"]: switch
    for switch in NEWEST.behaviours["switches"]
    if switch["name"] in {field.name for field in switches_of(Behaviour)}
}
#: Each value of each switch that has a probe.
PROBED = [
    (name, value["value"])
    for name, switch in SWITCHES.items()
    if switch["probe"] is not None
    for value in switch["values"]
]
#: Switch without a probe -> a request, and the account that shows the switch by it.
SHOWN_BY: dict[str, tuple[Json, dict[str, Any]]] = {
    "empty_balance": ({"body": {"model": QWEN}}, {"charged_balance": Decimal(0)}),
    "retry_after": ({}, {"limits": {"RPM": 0}}),
}
#: Switch -> value -> whether an answer keeps its wire.
WIRES = {
    name: {
        value["value"]: Draft202012Validator(value["wire"]).is_valid for value in values_of(switch)
    }
    for name, switch in SWITCHES.items()
}


def request(probe: Json) -> Request:
    """Return the plainest request, changed as the probe says."""
    headers = {**HEADERS, **probe.get("headers", {})}
    body = {"model": BGE, "query": "apple", "documents": ["banana", "apple pie"]}
    return Request(
        probe.get("method", "POST"),
        probe.get("path", "/v1/rerank"),
        "",
        {k: v.replace("{key}", DEFAULT_KEY) for k, v in headers.items() if v is not None},
        probe["text"].replace("{model}", BGE).encode()
        if "text" in probe
        else json.dumps({**body, **probe.get("body", {})}).encode(),
    )


def ask(
    preset: str, choice: Mapping[str, Any], probe: Json, account: Mapping[str, Any] | None = None
) -> Json:
    """Return the answer of the mock to the probe, as wires describe it."""
    state = State(behaviour=replace(PRESETS[preset], **choice), clock=Clock(0))
    state.change_account("account-1", **(account or {}))
    return on_the_wire(answer(state, request(probe)))


def on_the_wire(response: Response) -> Json:
    try:
        body = json.loads(response.body)
    except ValueError:
        body = response.body.decode()
    return {"status": response.status, "headers": dict(response.headers), "body": body}


def shown(switch: str, seen: Json) -> list[str]:
    """Return the values of the switch whose wire the answer keeps."""
    return [value for value, keeps in WIRES[switch].items() if keeps(seen)]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("switch", "value"), PROBED)
def test_the_probe_shows_the_value_and_no_other(preset: str, switch: str, value: str) -> None:
    seen = ask(preset, {switch: value}, SWITCHES[switch]["probe"])
    assert shown(switch, seen) == [value]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("switch", SHOWN_BY)
def test_the_wire_without_a_probe_shows_the_value_and_no_other(preset: str, switch: str) -> None:
    for value in WIRES[switch]:
        assert shown(switch, ask(preset, {switch: value}, *SHOWN_BY[switch])) == [value]


def test_every_switch_without_a_probe_is_shown_otherwise() -> None:
    without = {name for name, switch in SWITCHES.items() if switch["probe"] is None}
    # number_below_minimum shows only where a revision leaves a minimum out.
    assert without - {"number_below_minimum"} == {*SHOWN_BY, "max_body_bytes"}


@pytest.mark.parametrize("size", [200, 999, 65536])
def test_a_body_of_one_byte_more_keeps_the_wire_of_max_body_bytes(size: int) -> None:
    exceeds = Draft202012Validator(SWITCHES["max_body_bytes"]["values"]["wire"]).is_valid
    for length in (size, size + 1):
        text = request({}).body.decode().ljust(length)
        seen = ask("observed", {"max_body_bytes": size}, {"text": text})
        assert exceeds(seen) == (length > size)


def test_no_answer_keeps_two_wires_of_one_switch() -> None:
    answers = [
        ask(preset, {switch: value}, SWITCHES[switch]["probe"])
        for preset in PRESETS
        for switch, value in PROBED
    ]
    answers += [
        ask("observed", {switch: value}, *SHOWN_BY[switch])
        for switch in SHOWN_BY
        for value in WIRES[switch]
    ]
    for seen in answers:
        for switch in WIRES:
            assert len(shown(switch, seen)) <= 1, (switch, seen)
