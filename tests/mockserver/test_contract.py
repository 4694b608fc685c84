import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

from mockserver.contract import RULES, Breach, Form
from mockserver.wire import Json
from tests.mockserver.asking import BGE, ERRORS, FORMS, MODELS, REVISION, fields

SCHEMA_OF = {name: json.loads((REVISION / f"request.{name}.json").read_bytes()) for name in FORMS}
REGISTRY = EMPTY_REGISTRY.with_resources(
    (schema["$id"], DRAFT202012.create_resource(schema)) for schema in SCHEMA_OF.values()
)
ORACLES: dict[str, Any] = {
    name: jsonschema.Draft202012Validator(schema, registry=REGISTRY)
    for name, schema in SCHEMA_OF.items()
}

# Whatever the wire lets through: finite numbers, integral ones of every size among them.
NUMBERS = st.sampled_from([0, 1, 80, 81, 2**53, 2**63, 2**64 - 1, -1, 1.0, 80.0, -0.0, 0.5, 1e300])
LEAVES = st.none() | st.booleans() | NUMBERS | st.sampled_from(["", "a", "1", "图"])
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "image", "video", "content"]), inner, max_size=2)
    ),
    max_leaves=6,
)
NAMES = sorted(FORMS["classic"].fields)
BODIES = JSON | st.dictionaries(st.sampled_from([*NAMES, "extra"]), JSON).map(
    lambda changes: fields(**changes)
)


@given(st.sampled_from(sorted(FORMS)), BODIES)
def test_the_fast_validator_agrees_with_the_reference_one(name: str, body: Json) -> None:
    assert (FORMS[name].breach(body) is None) == ORACLES[name].is_valid(body)


@given(st.sampled_from(sorted(FORMS)), BODIES)
def test_a_breach_names_a_field_that_the_reference_validator_faults(name: str, body: Json) -> None:
    if breach := FORMS[name].breach(body):
        faults = {
            error.message.split("'")[1]
            if error.validator == "required"
            else ".".join(map(str, error.absolute_path)) or "body"
            for error in ORACLES[name].iter_errors(body)
        }
        assert breach.field in faults


@pytest.mark.parametrize(
    ("changes", "breach"),
    [
        ({"top_n": 0}, Breach("top_n", "Must be greater than or equal to 1")),
        ({"overlap_tokens": 81}, Breach("overlap_tokens", "Must be less than or equal to 80")),
        ({"query": ""}, Breach("query", "Must have at least 1 character")),
        ({"documents": []}, Breach("documents", "Must have at least 1 item")),
        ({"documents": 1}, Breach("documents", "Must be of type string or array")),
        ({"documents": ["a", 1]}, Breach("documents.1", "Must be of type string")),
    ],
)
def test_a_breach_says_field_and_rule(changes: dict[str, Any], breach: Breach) -> None:
    assert FORMS["classic"].breach(fields(**changes)) == breach


def test_a_rule_agrees_with_its_number() -> None:
    properties = {"query": {"minLength": 2}, "documents": {"minItems": 1_000}}
    form = Form("own", {"own": {"$id": "urn:own", "properties": properties, "required": []}})
    assert form.breach({"query": "a"}) == Breach("query", "Must have at least 2 characters")
    assert form.breach({"documents": []}) == Breach("documents", "Must have at least 1000 items")


def test_a_missing_field_and_a_body_that_is_no_object_are_named() -> None:
    assert FORMS["classic"].breach({"model": "a", "query": "b"}) == Breach(
        "documents", "Must be present"
    )
    assert FORMS["classic"].breach([]) == Breach("body", "Must be of type object")


def test_every_keyword_of_the_forms_has_a_rule() -> None:
    def keywords(schema: Json) -> Iterator[str]:
        if isinstance(schema, dict):
            for key, value in schema.items():
                if key in {"properties", "$defs"} and isinstance(value, dict):
                    yield from keywords(list(value.values()))
                else:
                    yield key
                    yield from keywords(value if key != "examples" else None)
        elif isinstance(schema, list):
            for inner in schema:
                yield from keywords(inner)

    silent = {"$schema", "$id", "$ref", "title", "description", "examples", "default", "items"}
    assert set(keywords(list(SCHEMA_OF.values()))) - silent == RULES.keys()


def test_both_forms_know_their_integers_and_defaults_through_references() -> None:
    for form in FORMS.values():
        assert form.integers == {"top_n", "max_chunks_per_doc", "overlap_tokens"}
        assert form.defaults == {"return_documents": False, "max_chunks_per_doc": 1024}


def test_prices_are_exact() -> None:
    assert MODELS["Qwen/Qwen3-VL-Reranker-8B"].price.image == Decimal("1.8")
    assert MODELS[BGE].price.text == 0


def test_a_price_that_is_not_known_is_nothing() -> None:
    price = MODELS["netease-youdao/bce-reranker-base_v1"].price
    assert price.text == price.image == 0


def test_places_in_a_message_are_filled() -> None:
    body = json.loads(ERRORS["rate_limited"].response(limit="TPM").body)
    assert body["message"].endswith("Details:TPM limit reached.")
    assert "code" not in body
