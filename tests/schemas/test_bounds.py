"""Each constraint decides as it reads, and two independent validators agree on it."""

import copy
from typing import TypeAlias

import jsonschema_rs
import pytest

from .data import NEWEST, REVISIONS, Json, Revision, constraints, errors

TEXT = "x"
REQUEST: Json = {"model": TEXT, "query": TEXT, "documents": [TEXT]}
RESULT: Json = {"index": 0, "relevance_score": 0.5}
TOKENS: Json = {"input_tokens": 1, "output_tokens": 0}
RESPONSE: Json = {"id": TEXT, "results": [RESULT], "tokens": TOKENS}
REGISTRY = jsonschema_rs.Registry(
    [
        (schema["$id"], schema)
        for revision in REVISIONS.values()
        for schema in revision.schemas.values()
    ]
)


def lacking(instance: dict[str, Json], member: str) -> dict[str, Json]:
    return {name: value for name, value in instance.items() if name != member}


def requests(
    field: str, accepted: list[Json], refused: list[Json]
) -> tuple[list[Json], list[Json]]:
    return [REQUEST | {field: x} for x in accepted], [REQUEST | {field: x} for x in refused]


def results(accepted: list[Json], refused: list[Json]) -> tuple[list[Json], list[Json]]:
    return (
        [RESPONSE | {"results": [RESULT | members]} for members in accepted],
        [RESPONSE | {"results": [RESULT | members]} for members in refused],
    )


Sides: TypeAlias = dict[str, tuple[list[Json], list[Json]]]

#: Pointer of a constraint -> instances on its accepting side, and instances that break it alone.
SIDES: Sides = {
    "request.classic#/type": ([REQUEST], [[REQUEST], "x", None]),
    **{
        f"request.classic#/required/{name}": ([REQUEST], [lacking(REQUEST, name)])
        for name in REQUEST
    },
    "request.classic#/properties/model/type": requests("model", [""], [1, None, [TEXT]]),
    "request.classic#/properties/query/type": requests("query", ["x"], [1, None, ["x"], {}]),
    "request.classic#/properties/query/minLength": requests("query", ["x", " ", "\0"], [""]),
    "request.classic#/properties/documents/type": requests(
        "documents", ["x", ["x"]], [1, None, {}]
    ),
    "request.classic#/properties/documents/minItems": requests("documents", [[""]], [[]]),
    "request.classic#/properties/documents/items/type": requests(
        "documents", [["x", ""]], [["x", 1], [None], [{"text": "x"}]]
    ),
    "request.classic#/properties/instruction/type": requests("instruction", ["x"], [1, None]),
    "request.classic#/properties/instruction/minLength": requests("instruction", ["x"], [""]),
    "request.classic#/properties/top_n/type": requests("top_n", [2], ["2", True, 2.5, None]),
    "request.classic#/properties/top_n/minimum": requests("top_n", [1, 2**64], [0, -1]),
    "request.classic#/properties/return_documents/type": requests(
        "return_documents", [True, False], ["true", 1, 0, None]
    ),
    "request.classic#/properties/max_chunks_per_doc/type": requests(
        "max_chunks_per_doc", [2], ["2", True, 2.5, None]
    ),
    "request.classic#/properties/max_chunks_per_doc/minimum": requests(
        "max_chunks_per_doc", [1, 2**64], [0, -1]
    ),
    "request.classic#/properties/overlap_tokens/type": requests(
        "overlap_tokens", [2], ["2", True, 2.5, None]
    ),
    "request.classic#/properties/overlap_tokens/minimum": requests("overlap_tokens", [0], [-1]),
    "request.classic#/properties/overlap_tokens/maximum": requests("overlap_tokens", [80], [81]),
    "request.multimodal#/type": ([REQUEST], [[REQUEST], "x", None]),
    **{
        f"request.multimodal#/required/{name}": ([REQUEST], [lacking(REQUEST, name)])
        for name in REQUEST
    },
    "request.multimodal#/properties/query/minLength": requests("query", ["x", {"text": ""}], [""]),
    "request.multimodal#/properties/documents/type": requests(
        "documents", ["x", ["x"], {"text": "x"}], [1, None, True]
    ),
    "request.multimodal#/properties/documents/minItems": requests("documents", [["x"]], [[]]),
    "request.multimodal#/properties/query/type": requests(
        "query", ["x", {"text": "x"}], [1, True, None, []]
    ),
    "request.multimodal#/properties/documents/items/type": requests(
        "documents", [["x", {"text": "x"}]], [[1], [None], [[]]]
    ),
    "request.multimodal#/$defs/content/anyOf": requests(
        "query",
        [{"text": "x"}, {"image": "x"}, {"video": 1}, {"text": "x", "image": "x", "video": "x"}],
        [{}, {"content": [{"type": "image_url"}]}],
    ),
    "request.multimodal#/$defs/content/properties/text/type": requests(
        "query", [{"text": "x"}], [{"text": 1}, {"text": None}]
    ),
    "request.multimodal#/$defs/content/properties/image/type": requests(
        "query", [{"image": "x"}], [{"image": 1}, {"image": {"url": "x"}}]
    ),
    "response#/type": ([RESPONSE], [[RESPONSE], None, "x"]),
    "response#/required/id": ([RESPONSE], [lacking(RESPONSE, "id")]),
    "response#/required/results": ([RESPONSE], [lacking(RESPONSE, "results")]),
    "response#/properties/id/type": ([RESPONSE], [RESPONSE | {"id": 1}, RESPONSE | {"id": None}]),
    "response#/properties/id/minLength": ([RESPONSE], [RESPONSE | {"id": ""}]),
    "response#/properties/results/type": (
        [RESPONSE, RESPONSE | {"results": []}],
        [RESPONSE | {"results": {}}, RESPONSE | {"results": None}],
    ),
    "response#/$defs/result/type": ([RESPONSE], [RESPONSE | {"results": [RESULT, None]}]),
    "response#/$defs/result/required/index": (
        [RESPONSE],
        [RESPONSE | {"results": [lacking(RESULT, "index")]}],
    ),
    "response#/$defs/result/required/relevance_score": (
        [RESPONSE],
        [RESPONSE | {"results": [lacking(RESULT, "relevance_score")]}],
    ),
    "response#/$defs/result/properties/index/type": results(
        [{"index": 1}], [{"index": "1"}, {"index": True}, {"index": 0.5}, {"index": None}]
    ),
    "response#/$defs/result/properties/index/minimum": results([{"index": 0}], [{"index": -1}]),
    "response#/$defs/result/properties/relevance_score/type": results(
        [{"relevance_score": 1}, {"relevance_score": -7.5}],
        [{"relevance_score": "1"}, {"relevance_score": None}, {"relevance_score": True}],
    ),
    "response#/$defs/result/properties/document/type": results(
        [{"document": None}, {"document": {}}], [{"document": "x"}, {"document": ["x"]}]
    ),
    "response#/$defs/result/properties/document/properties/text/type": results(
        [{"document": {"text": ""}}, {"document": {"text": None}}], [{"document": {"text": 1}}]
    ),
    "response#/properties/meta/type": (
        [RESPONSE | {"meta": {}}],
        [RESPONSE | {"meta": None}, RESPONSE | {"meta": []}],
    ),
    "response#/$defs/counts/type": (
        [RESPONSE | {"meta": {"tokens": {}, "billed_units": {}}}],
        [RESPONSE | {"meta": {"tokens": 1}}, RESPONSE | {"meta": {"billed_units": None}}],
    ),
    "response#/$defs/count/type": (
        [RESPONSE | {"meta": {"tokens": {"input_tokens": 1}}}],
        [
            RESPONSE | {"meta": {"tokens": {"input_tokens": "1"}}},
            RESPONSE | {"meta": {"billed_units": {"search_units": 0.5}}},
        ],
    ),
    "response#/$defs/count/minimum": (
        [RESPONSE | {"meta": {"billed_units": {"classifications": 0}}}],
        [
            RESPONSE | {"meta": {place: {count: -1}}}
            for place in ("tokens", "billed_units")
            for count in (
                "input_tokens",
                "output_tokens",
                "image_tokens",
                "search_units",
                "classifications",
            )
        ],
    ),
    "error#/type": (["x", {"message": "x"}], [1, None, ["x"]]),
    "error#/minLength": (["x"], [""]),
    "error#/required/message": ([{"message": "x"}], [{"code": 1}, {}]),
    "error#/properties/message/type": ([{"message": "x"}], [{"message": 1}, {"message": None}]),
    "error#/properties/message/minLength": ([{"message": "x"}], [{"message": ""}]),
    "error#/properties/code/type": (
        [{"message": "x", "code": 20012}, {"message": "x", "data": None}],
        [{"message": "x", "code": "20012"}, {"message": "x", "code": None}],
    ),
}

#: What an older revision has besides, or otherwise.
OTHER_SIDES: dict[str, Sides] = {
    "2024-11": {
        "request.classic#/properties/documents/type": requests(
            "documents", [["x"]], ["x", 1, None, {}]
        ),
        "response#/required/tokens": ([RESPONSE], [lacking(RESPONSE, "tokens")]),
        "response#/properties/tokens/type": (
            [RESPONSE],
            [RESPONSE | {"tokens": 1}, RESPONSE | {"tokens": None}],
        ),
        **{
            f"response#/properties/tokens/required/{name}": (
                [RESPONSE],
                [RESPONSE | {"tokens": lacking(TOKENS, name)}],
            )
            for name in TOKENS
        },
        "response#/$defs/count/type": (
            [RESPONSE | {"tokens": TOKENS | {"input_tokens": -1}}],
            [RESPONSE | {"tokens": TOKENS | {name: 0.5}} for name in TOKENS],
        ),
    },
}


def standing(revision: Revision) -> list[str]:
    return [
        pointer
        for name, schema in revision.schemas.items()
        for pointer in constraints(schema, f"{name}#")
    ]


def sides_of(revision: Revision) -> Sides:
    """The sides of every constraint that stands in the revision."""
    sides = {**SIDES, **OTHER_SIDES.get(revision.name, {})}
    return {pointer: sides[pointer] for pointer in standing(revision)}


def without(schema: Json, pointer: str) -> Json:
    """A copy of `schema` that lacks the one constraint at `pointer`."""
    weaker = copy.deepcopy(schema)
    *path, last = pointer.partition("#/")[2].split("/")
    holder = weaker
    for name in path:
        holder = holder[name]
    del holder[holder.index(last) if path[-1:] == ["required"] else last]
    return weaker


def opinions(schema: Json, instance: Json) -> set[bool]:
    """What two validators that share no code say of `instance`."""
    second = jsonschema_rs.Draft202012Validator(schema, registry=REGISTRY)
    return {not errors(schema, instance), second.is_valid(instance)}


def test_every_side_is_tried() -> None:
    assert sorted(SIDES) == sorted(standing(NEWEST))
    for name, sides in OTHER_SIDES.items():
        assert sides.keys() <= set(standing(REVISIONS[name]))


@pytest.mark.parametrize(
    ("revision", "pointer"),
    [(revision, pointer) for revision in REVISIONS.values() for pointer in sides_of(revision)],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_constraint_alone_parts_its_two_sides(revision: Revision, pointer: str) -> None:
    schema = revision.schemas[pointer.partition("#")[0]]
    accepted, refused = sides_of(revision)[pointer]
    for instance in accepted:
        assert opinions(schema, instance) == {True}, instance
    for instance in refused:
        assert opinions(schema, instance) == {False}, instance
        assert opinions(without(schema, pointer), instance) == {True}, instance
