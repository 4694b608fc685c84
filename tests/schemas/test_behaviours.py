"""Each question that the contract leaves open is one switch, and each switch answers one."""

import copy

import pytest
from jsonschema import Draft202012Validator

from .data import NEWEST, REVISIONS, TABLE_SCHEMAS, Json, Revision, errors, values_of

SCHEMA = TABLE_SCHEMAS["behaviours"]

#: Requirements of level `observed` or `open` that no switch of the mock decides, and why.
UNDECIDED = {
    **dict.fromkeys(
        [
            "endpoint.headers",
            "endpoint.unknown_path",
            "error.header.trace_id",
            "error.key_hidden",
            "error.model_not_found.code",
            "error.status.bad_request",
            "error.status.unauthorized",
            "request.body.charset",
            "request.model.exact",
            "response.header.content_type",
            "response.meta.count.minimum",
            "response.meta.input",
            "response.meta.repeatable",
            "response.results.index.literal",
        ],
        "nothing is known of a service that does otherwise",
    ),
    **dict.fromkeys(
        [
            "request.instruction.effect",
            "request.max_chunks_per_doc.filler",
            "request.max_chunks_per_doc.short_documents",
            "response.results.duplicates",
            "response.results.independence",
            "response.results.index.permutation",
            "response.results.model",
            "response.results.query",
            "response.results.relevance_score.range",
            "response.results.relevance_score.repeatable",
        ],
        "it follows from how scores are made",
    ),
    **dict.fromkeys(
        [
            "request.multimodal.content",
            "request.multimodal.image",
            "request.multimodal.text",
            "request.multimodal.video",
        ],
        "the schema of the form decides",
    ),
    **dict.fromkeys(
        ["request.documents.count", "request.documents.delicate", "request.documents.length"],
        "every text is a document, within max_body_bytes",
    ),
    "request.body.chunked": "a server takes it as HTTP has it",
    "request.body.large_number": "an integer has any size",
    "response.results.complete": "only empty documents are left out, by empty_document",
}


def test_the_behaviours_obey_their_schema(revision: Revision) -> None:
    assert errors(SCHEMA, revision.behaviours) == []


def test_a_switch_stands_once_and_so_does_each_value(revision: Revision) -> None:
    switches = revision.behaviours["switches"]
    assert len({switch["name"] for switch in switches}) == len(switches)
    for switch in switches:
        values = [value["value"] for value in values_of(switch)]
        assert len(set(values)) == len(values), switch["name"]


def test_a_preset_gives_every_switch_one_of_its_values(revision: Revision) -> None:
    switches = {switch["name"]: switch for switch in revision.behaviours["switches"]}
    for preset in revision.behaviours["presets"].values():
        assert list(preset) == list(switches)
        for name, switch in switches.items():
            if values := values_of(switch):
                assert preset[name] in [value["value"] for value in values]
            else:
                assert errors(switch["values"], preset[name]) == []


def test_a_wire_is_a_schema(revision: Revision) -> None:
    for switch in revision.behaviours["switches"]:
        for value in values_of(switch) or [switch["values"]]:
            Draft202012Validator.check_schema(value["wire"])


def test_the_requirements_of_a_switch_exist(revision: Revision) -> None:
    named = [name for switch in revision.behaviours["switches"] for name in switch["requirements"]]
    assert set(named) <= {row["id"] for row in revision.tables["requirements"]}
    assert len(set(named)) == len(named), "a requirement is answered by two switches"


def test_what_is_observed_or_open_is_decided_by_a_switch(revision: Revision) -> None:
    undecided = {
        row["id"] for row in revision.tables["requirements"] if row["level"] != "spec"
    }.difference(*(switch["requirements"] for switch in revision.behaviours["switches"]))
    assert undecided <= UNDECIDED.keys()


def test_what_no_switch_decides_is_observed_or_open_in_some_revision() -> None:
    undecided = {
        row["id"]
        for revision in REVISIONS.values()
        for row in revision.tables["requirements"]
        if row["level"] != "spec"
    }
    decided = {
        name
        for revision in REVISIONS.values()
        for switch in revision.behaviours["switches"]
        for name in switch["requirements"]
    }
    assert UNDECIDED.keys() <= undecided - decided


def test_a_probe_names_models_and_gated_fields_of_its_revision(revision: Revision) -> None:
    models = {row["id"]: row["supports"] for row in revision.tables["models"]}
    gated = {field for supported in models.values() for field in supported}
    for switch in revision.behaviours["switches"]:
        probe: Json = switch["probe"] or {}
        body: Json = probe.get("body", {})
        if "model" in body:
            assert body["model"] in models
        if switch["name"] == "gated_fields" and body:
            assert gated.intersection(body) - set(models[body["model"]])


META: Json = {"tokens": {"input_tokens": 1}, "billed_units": {"input_tokens": 1}}
TOKENS: Json = {"input_tokens": 1, "output_tokens": 0}


@pytest.mark.parametrize(
    ("members", "value"),
    [
        ({"meta": META}, ["meta"]),
        ({"tokens": TOKENS}, ["tokens"]),
        ({"meta": META, "tokens": TOKENS}, ["both"]),
        ({"meta": {}, "tokens": TOKENS}, []),
        ({}, []),
    ],
)
def test_usage_is_seen_by_where_the_tokens_stand(
    revision: Revision, members: dict[str, Json], value: list[str]
) -> None:
    [usage] = [row for row in revision.behaviours["switches"] if row["name"] == "usage"]
    answer: Json = {"status": 200, "headers": {}, "body": {"id": "a", "results": [], **members}}
    assert value == [row["value"] for row in usage["values"] if not errors(row["wire"], answer)]


WRONG: list[tuple[str, dict[str, Json]]] = [
    ("usage", {"name": "Usage"}),
    ("usage", {"surplus": None}),
    ("usage", {"question": "Where the tokens are counted"}),
    ("usage", {"requirements": ["meta.tokens"]}),
    ("usage", {"probe": None}),
    ("retry_after", {"probe": {}}),
    ("retry_after", {"shown_by": None}),
    ("usage", {"probe": {"path": "/rerank"}}),
    ("usage", {"probe": {"body": {"top_n": 1}, "text": "{}"}}),
    ("usage", {"probe": {"headers": {"Accept": "text/plain"}}}),
    ("usage", {"values": []}),
    ("max_body_bytes", {"values": {"type": "string", "minimum": 1, "meaning": "A."}}),
]
WRONG_WIRES: list[Json] = [
    {},
    {"status": 200},
    {"properties": {"code": {}}},
    {"properties": {"status": {"type": "int"}}},
]


def alone(name: str) -> Json:
    """Return the behaviours with one switch: all of them take a second to validate."""
    switch = next(row for row in NEWEST.behaviours["switches"] if row["name"] == name)
    return {**NEWEST.behaviours, "switches": [copy.deepcopy(switch)]}


@pytest.mark.parametrize(("name", "change"), WRONG)
def test_a_wrong_switch_is_refused(name: str, change: dict[str, Json]) -> None:
    behaviours = alone(name)
    assert errors(SCHEMA, behaviours) == []
    behaviours["switches"][0].update(change)
    assert errors(SCHEMA, behaviours)


@pytest.mark.parametrize("wire", WRONG_WIRES)
def test_a_wrong_wire_is_refused(wire: Json) -> None:
    behaviours = alone("usage")
    behaviours["switches"][0]["values"][0]["wire"] = wire
    assert errors(SCHEMA, behaviours)
