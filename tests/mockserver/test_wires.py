"""What `behaviours.json` says of a switch on the wire is what the mock shows."""

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from jsonschema_rs import Draft202012Validator

from mockserver.behaviour import presets
from mockserver.contract import load_contract
from mockserver.recording import answer
from mockserver.state.clock import Clock
from mockserver.state.store import DEFAULT_KEY, State
from mockserver.wire import Request, Response
from tests.mockserver.asking import BGE, HEADERS
from tests.schemas.data import REVISIONS, Json, values_of

CONTRACTS = {name: load_contract(name) for name in REVISIONS}
#: Revision -> switch -> what stands in its `behaviours.json`.
SWITCHES: dict[str, dict[str, Json]] = {
    name: {switch["name"]: switch for switch in revision.behaviours["switches"]}
    for name, revision in REVISIONS.items()
}
#: Revision, switch and value, for each value of each switch that has a probe.
PROBED = [
    (revision, name, value["value"])
    for revision, switches in SWITCHES.items()
    for name, switch in switches.items()
    if switch["probe"] is not None
    for value in switch["values"]
]
#: Revision -> switch -> value -> whether an answer keeps its wire.
WIRES = {
    revision: {
        name: {
            value["value"]: Draft202012Validator(value["wire"]).is_valid
            for value in values_of(switch)
        }
        for name, switch in switches.items()
    }
    for revision, switches in SWITCHES.items()
}


class Scene(NamedTuple):
    """What is sent, and what differs of the mock before."""

    probe: Json
    account: Mapping[str, Any] = {}
    #: Changes of the model that is asked.
    model: Mapping[str, Any] = {}
    behaviour: Mapping[str, Any] = {}


#: Switch -> a scene that shows it where a revision has no probe.
SCENES = {
    "billed_image_tokens": Scene({}, behaviour={"usage": "both"}),
    "empty_balance": Scene(
        {}, {"charged_balance": Decimal(0)}, {"price": {"text": "1", "image": "0"}}
    ),
    "gated_fields": Scene(
        {"body": {"overlap_tokens": 1}}, model={"supports": ["max_chunks_per_doc"]}
    ),
    "offline_model": Scene({}, model={"state": "offline"}),
    "retry_after": Scene({}, {"limits": {"RPM": 0}}),
}
SCENES["too_many_documents"] = Scene({}, behaviour={"max_documents": 1})
SCENES["context_overflow"] = Scene(
    {"body": {"documents": ["banana " * 9000]}}, model={"supports": []}
)
#: Switches that no scene shows in every revision.
APART = {"max_body_bytes", "max_documents", "number_below_minimum"}


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


def ask(revision: str, preset: str, choice: Mapping[str, Any], scene: Scene) -> Json:
    """Return the answer of the mock, as wires describe it."""
    contract = CONTRACTS[revision]
    behaviour = replace(presets(contract)[preset], **scene.behaviour, **choice)
    state = State(contract=contract, behaviour=behaviour, clock=Clock(0))
    state.change_account("account-1", **scene.account)
    if scene.model:
        state.change_model(BGE, **scene.model)
    return on_the_wire(answer(state, request(scene.probe)))


def on_the_wire(response: Response) -> Json:
    try:
        body = json.loads(response.body)
    except ValueError:
        body = response.body.decode()
    return {"status": response.status, "headers": dict(response.headers), "body": body}


def shown(revision: str, switch: str, seen: Json) -> list[str]:
    """Return the values of the switch whose wire the answer keeps."""
    return [value for value, keeps in WIRES[revision][switch].items() if keeps(seen)]


@pytest.mark.parametrize("preset", ["observed", "page", "strict"])
@pytest.mark.parametrize(("revision", "switch", "value"), PROBED)
def test_the_probe_shows_the_value_and_no_other(
    revision: str, preset: str, switch: str, value: str
) -> None:
    scene = Scene(SWITCHES[revision][switch]["probe"])
    assert shown(revision, switch, ask(revision, preset, {switch: value}, scene)) == [value]


@pytest.mark.parametrize("preset", ["observed", "page", "strict"])
@pytest.mark.parametrize("switch", SCENES)
@pytest.mark.parametrize("revision", CONTRACTS)
def test_without_a_probe_the_wire_shows_the_value_and_no_other(
    revision: str, preset: str, switch: str
) -> None:
    for value in WIRES[revision][switch]:
        seen = ask(revision, preset, {switch: value}, SCENES[switch])
        assert shown(revision, switch, seen) == [value]


@pytest.mark.parametrize("revision", CONTRACTS)
def test_every_switch_is_shown(revision: str) -> None:
    probed = {name for name, switch in SWITCHES[revision].items() if switch["probe"] is not None}
    assert probed | SCENES.keys() | APART == SWITCHES[revision].keys()


@pytest.mark.parametrize("size", [200, 999, 65536])
@pytest.mark.parametrize("revision", CONTRACTS)
def test_a_body_of_one_byte_more_keeps_the_wire_of_max_body_bytes(revision: str, size: int) -> None:
    wire = SWITCHES[revision]["max_body_bytes"]["values"]["wire"]
    for length in (size, size + 1):
        scene = Scene({"text": request({}).body.decode().ljust(length)})
        seen = ask(revision, "observed", {"max_body_bytes": size}, scene)
        assert Draft202012Validator(wire).is_valid(seen) == (length > size)


@pytest.mark.parametrize("choice", ["parameter_error", "entity_too_large"])
@pytest.mark.parametrize("revision", CONTRACTS)
def test_one_document_more_keeps_the_wire_of_max_documents(revision: str, choice: str) -> None:
    wire = SWITCHES[revision]["max_documents"]["values"]["wire"]
    for count in (3, 4):
        scene = Scene({"body": {"documents": ["a"] * count}})
        limits = {"max_documents": 3, "too_many_documents": choice}
        seen = ask(revision, "observed", limits, scene)
        assert Draft202012Validator(wire).is_valid(seen) == (count > 3)


@pytest.mark.parametrize("revision", CONTRACTS)
def test_no_answer_keeps_two_wires_of_one_switch(revision: str) -> None:
    answers = [
        ask(revision, preset, {switch: value}, Scene(SWITCHES[revision][switch]["probe"]))
        for preset in presets(CONTRACTS[revision])
        for of, switch, value in PROBED
        if of == revision
    ]
    answers += [
        ask(revision, "observed", {switch: value}, scene)
        for switch, scene in SCENES.items()
        for value in WIRES[revision][switch]
    ]
    for seen in answers:
        for switch in WIRES[revision]:
            assert len(shown(revision, switch, seen)) <= 1, (switch, seen)
