"""Requirements and schemas name the same constraints, each once."""

from collections import Counter

import pytest

from .data import Json, Revision, constraints


def disagreements(schemas: dict[str, Json], requirements: list[Json]) -> list[str]:
    """One sentence for each constraint that is not claimed by exactly one requirement."""
    claims = Counter(pointer for row in requirements for pointer in row["applies_to"])
    standing = [
        pointer for name, schema in schemas.items() for pointer in constraints(schema, f"{name}#")
    ]
    return [
        *(
            f"{pointer}: claimed by {claims[pointer]}"
            for pointer in standing
            if claims[pointer] != 1
        ),
        *(f"{pointer}: does not stand" for pointer in claims.keys() - set(standing)),
    ]


def test_every_constraint_is_claimed_by_exactly_one_requirement(revision: Revision) -> None:
    assert disagreements(revision.schemas, revision.tables["requirements"]) == []


SCHEMA: Json = {
    "type": "object",
    "required": ["rows"],
    "properties": {"rows": {"items": {"$ref": "#/$defs/row"}}},
    "$defs": {"row": {"minLength": 1, "anyOf": [{"type": "string"}], "default": "x"}},
}
POINTERS = [
    "sheet#/type",
    "sheet#/required/rows",
    "sheet#/$defs/row/minLength",
    "sheet#/$defs/row/anyOf",
]


def test_constraints_are_found_where_they_stand() -> None:
    assert list(constraints(SCHEMA, "sheet#")) == POINTERS


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ([POINTERS], []),
        ([POINTERS[:2], POINTERS[2:]], []),
        ([POINTERS[1:]], ["sheet#/type: claimed by 0"]),
        ([POINTERS, POINTERS[:1]], ["sheet#/type: claimed by 2"]),
        ([POINTERS, ["sheet#/minItems"]], ["sheet#/minItems: does not stand"]),
    ],
)
def test_a_disagreement_is_found(claims: list[list[str]], found: list[str]) -> None:
    assert disagreements({"sheet": SCHEMA}, [{"applies_to": claim} for claim in claims]) == found
