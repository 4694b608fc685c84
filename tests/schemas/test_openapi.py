"""The OpenAPI document is up to date, valid, and says the same as the schemas and tables."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from tools import openapi

from .data import CONTRACT, TABLES, Json, errors
from .test_bounds import SIDES

DOCUMENT: Json = json.loads(openapi.TARGET.read_text(encoding="utf-8"))
GATED = {"instruction": "x", "max_chunks_per_doc": 1, "overlap_tokens": 0}


def component(name: str) -> Json:
    """A schema that says what the component `name` says, in the whole document."""
    return {**DOCUMENT, "$ref": f"#/components/schemas/{name}"}


def test_the_file_is_up_to_date() -> None:
    assert openapi.TARGET.read_text(encoding="utf-8") == openapi.text(), "run `make openapi`"


def test_the_document_is_valid_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


@pytest.mark.parametrize("pointer", SIDES)
def test_a_component_decides_as_its_schema(pointer: str) -> None:
    name = pointer.partition("#")[0]
    accepted, refused = SIDES[pointer]
    for instance in (*accepted, *refused):
        places, exact = (
            {found.partition(": ")[0] for found in errors(schema, instance)}
            for schema in (component(openapi.title(name)), CONTRACT[name])
        )
        # Where types are told apart by `anyOf`, the error is that of the whole value.
        assert len(places) == len(exact)
        assert all(any(path.startswith(place) for path in exact) for place in places)


@given(
    model=st.sampled_from(TABLES["models"]),
    fields=st.sets(st.sampled_from(sorted(GATED))),
)
def test_a_gated_field_is_valid_where_the_model_supports_it(model: Json, fields: set[str]) -> None:
    request = {
        "model": model["id"],
        "query": "x",
        "documents": ["x"],
        **{field: GATED[field] for field in fields},
    }
    is_valid = not errors(component("RerankRequest"), request)
    assert is_valid == (fields <= set(model["supports"]))


def test_the_form_follows_from_the_model() -> None:
    request = {"query": {"image": "https://example.org/a.png"}, "documents": ["x"]}
    for model in TABLES["models"]:
        is_valid = not errors(component("RerankRequest"), {"model": model["id"], **request})
        assert is_valid == (model["form"] == "multimodal")


def test_nothing_is_gated_for_a_model_that_is_not_listed() -> None:
    request = {"model": "Some/Model", "query": "x", "documents": ["x"], **GATED}
    assert errors(component("RerankRequest"), request) == []
    assert errors(component("RerankRequest"), {**request, "overlap_tokens": 81})


def test_a_request_without_a_model_is_refused_for_that_alone() -> None:
    request = {"query": "x", "documents": ["x"], **GATED}
    no_form, reason = errors(component("RerankRequest"), request)
    assert no_form.endswith(" is not valid under any of the given schemas")
    assert reason == "$: 'model' is a required property"


def inner(schema: Json) -> Iterator[Json]:
    """Every schema inside of a schema that generators of clients look at."""
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    for part in (*parts, *([schema["items"]] if "items" in schema else ())):
        yield part
        yield from inner(part)


def test_every_object_is_a_component_and_no_reference_leads_inside_of_one() -> None:
    components = DOCUMENT["components"]["schemas"]
    for schema in components.values():
        for part in inner(schema):
            assert "properties" not in part
            name = part.get("$ref", "").removeprefix("#/components/schemas/")
            assert not name or name in components


def test_no_default_makes_a_generated_client_send_a_field() -> None:
    assert '"default":' not in openapi.text()


def test_a_content_object_has_a_text_an_image_or_a_video() -> None:
    for name in ("text", "image", "video"):
        assert errors(component("Content"), {name: "x"}) == []
    for empty in ({}, {"other": "x"}):
        assert errors(component("Content"), empty)


def test_a_ranking_is_traced_and_an_error_may_be() -> None:
    success = DOCUMENT["paths"]["/rerank"]["post"]["responses"]["200"]
    assert success["headers"]["x-siliconcloud-trace-id"]["required"]
    for error in DOCUMENT["components"]["responses"].values():
        assert not error["headers"]["x-siliconcloud-trace-id"]["required"]


def test_every_error_of_the_table_is_an_example_of_its_status() -> None:
    examples = {
        (name, int(status))
        for status, response in DOCUMENT["components"]["responses"].items()
        for media in response["content"].values()
        for name in media["examples"]
    }
    assert examples == {(row["id"], row["status"]) for row in TABLES["errors"]}
    assert DOCUMENT["paths"]["/rerank"]["post"]["responses"].keys() == {
        "200",
        *(str(row["status"]) for row in TABLES["errors"]),
    }


def test_a_404_is_text_or_a_json_string_and_every_other_error_json() -> None:
    for status, response in DOCUMENT["components"]["responses"].items():
        expected = ["text/plain", "application/json"] if status == "404" else ["application/json"]
        assert [*response["content"]] == expected
    text = DOCUMENT["components"]["responses"]["404"]["content"]["text/plain"]
    assert text["schema"] == {"type": "string"}
    assert text["examples"]["not_found"]["value"] == "404 page not found"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("token_invalid", "Invalid token"),
        (
            "model_not_found",
            {
                "code": 20012,
                "message": "Model does not exist. Please check it carefully.",
                "data": None,
            },
        ),
        (
            "rate_limited",
            {
                "message": "Request was rejected due to rate limiting. If you want more, please "
                "contact contact@siliconflow.cn. Details:{limit} limit reached.",
                "data": None,
            },
        ),
    ],
)
def test_an_example_is_the_body_of_its_family(name: str, body: Json) -> None:
    [example] = [
        examples[name]
        for response in DOCUMENT["components"]["responses"].values()
        if name in (examples := response["content"]["application/json"]["examples"])
    ]
    assert example["value"] == body


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("ModelList", {"object": "list", "data": []}),
        (
            "ModelList",
            {
                "object": "list",
                "data": [{"id": "a/b", "object": "model", "created": 0, "owned_by": ""}],
            },
        ),
        (
            "UserInfo",
            {
                "code": 20000,
                "message": "OK",
                "status": True,
                "data": {
                    "balance": "0.88",
                    "status": "normal",
                    "chargeBalance": "88.00",
                    "totalBalance": "88.88",
                },
            },
        ),
    ],
)
def test_the_published_answer_of_a_companion_is_valid(name: str, answer: Json) -> None:
    assert errors(component(name), answer) == []


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("ModelList", {"object": "list"}),
        ("ModelList", {"object": "list", "data": [{"object": "model"}]}),
        (
            "UserInfo",
            {"code": 20000, "message": "OK", "status": True, "data": {"balance": 0.88}},
        ),
    ],
)
def test_a_wrong_answer_of_a_companion_is_refused(name: str, answer: Json) -> None:
    assert errors(component(name), answer)
