"""Response: header, id, results, meta. Relations between answers are in test_results.py."""

import pytest

from .contract import Model
from .judging.judge import Judge
from .strategies import Body


@pytest.mark.states("response")
@pytest.mark.requirement(
    "response.header.trace_id",
    "response.header.content_type",
    "response.body.json",
    "response.id.format",
    "response.results.sorted",
    "response.results.complete",
    "response.results.index.range",
    "response.results.index.unique",
    "response.results.relevance_score.range",
    "response.meta.tokens",
)
def test_an_answer_has_the_shape_of_the_page(judge: Judge, model: Model) -> None:
    judge.examine(
        judge.draw.valid(model, top_n=None, return_documents=True),
        lambda body: judge.ranks("endpoint.rerank", body),
    )


@pytest.mark.requirement(
    "response.id.unique",
    "response.header.trace_id.unique",
    "response.results.relevance_score.repeatable",
)
def test_the_same_request_is_given_another_id(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        one, other = (judge.ranks("endpoint.rerank", body) for _ in range(2))
        pairs = zip(one.ranking or (), other.ranking or (), strict=False)
        farthest = max(abs(first.score - second.score) for first, second in pairs)
        finding = f"scores differ by up to {farthest:.0e}" if farthest else "the same scores"
        judge.note("response.results.relevance_score.repeatable", finding)

    judge.examine(judge.draw.valid(model), prove)
