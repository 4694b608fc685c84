"""What a broken keyword is in words."""

import pytest

from contract_tests.checks.wording import expectation, finding
from contract_tests.contract import AnyJson
from tests.contract_tests.newest import NEWEST

RESULT = {"index": 0, "relevance_score": 0.5}


@pytest.mark.parametrize(
    ("schema", "body", "expected", "received"),
    [
        (
            "error",
            {"error": {"message": "no", "code": 1}},
            "`message` at the top level",
            "it stands under `error`",
        ),
        ("error", {"detail": "no"}, "`message` at the top level", "it is missing in {'detail'"),
        (
            "response",
            {"output": {"results": [RESULT]}, "id": "x"},
            "`results` at the top level",
            "it stands under `output`",
        ),
        (
            "response",
            {"id": "x", "results": [RESULT, {"index": 1, "document": {"relevance_score": 1}}]},
            "`relevance_score` at results[1]",
            "it stands under `results[1].document`",
        ),
        (
            "response",
            {"id": "x", "results": [RESULT, {"index": 1}]},
            "`relevance_score` at results[1]",
            "it is missing in {'index': 1}",
        ),
        (
            "response",
            {"id": 7, "results": [RESULT]},
            'type "string" at id',
            "7 at id",
        ),
        ("response", [RESULT], 'type "object" at the top level', "[{'index': 0, "),
    ],
)
def test_a_place_is_named_in_words(
    schema: str, body: AnyJson, expected: str, received: str
) -> None:
    (broken,) = NEWEST.broken_keywords(schema, body)
    assert expectation(broken) == expected
    assert finding(broken).startswith(received)
