"""A ranking is read in the shapes that gateways are known to give it."""

import pytest

from contract_tests.contract import AnyJson
from contract_tests.gateway.meaning import meant

RESULTS = [{"index": 1, "relevance_score": 0.5}]


@pytest.mark.parametrize(
    "body",
    [
        {"results": RESULTS},
        RESULTS,
        {"data": RESULTS},
        {"rankings": RESULTS},
        {"code": 0, "data": {"results": RESULTS}},
        {"output": {"results": RESULTS}},
        {"results": [{"index": "1", "relevance_score": "0.5"}]},
    ],
)
def test_a_ranking_is_read_in_another_shape(body: AnyJson) -> None:
    assert meant(body)["results"] == RESULTS


@pytest.mark.parametrize("name", ["score", "relevance", "relevanceScore"])
def test_a_score_is_read_under_another_name(name: str) -> None:
    (result,) = meant({"results": [{"index": 1, name: 0.5}]})["results"]
    assert result["relevance_score"] == 0.5


@pytest.mark.parametrize(
    "body", [None, "text", {}, {"results": []}, {"results": ["a"]}, {"data": [{"index": "first"}]}]
)
def test_what_is_no_ranking_is_left_as_it_is(body: AnyJson) -> None:
    assert meant(body) == body
