"""Response: header, id, results, meta. Relations between answers are in test_results.py."""

import pytest

from .contract import Model
from .judging.judge import Judge
from .strategies import Body, valid


@pytest.mark.requirement(
    "response.header.trace_id",
    "response.header.content_type",
    "response.body.json",
    "response.body.type",
    "response.id.required",
    "response.id.type",
    "response.id.format",
    "response.results.required",
    "response.results.type",
    "response.results.sorted",
    "response.results.complete",
    "response.results.index.required",
    "response.results.index.type",
    "response.results.index.range",
    "response.results.index.unique",
    "response.results.relevance_score.required",
    "response.results.relevance_score.type",
    "response.results.relevance_score.range",
    "response.results.document.type",
    "response.meta.type",
    "response.meta.count.type",
    "response.meta.count.minimum",
    "response.meta.tokens",
)
def test_an_answer_has_the_shape_of_the_page(judge: Judge, model: Model) -> None:
    judge.examine(
        valid(model, top_n=None, return_documents=True),
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
        judge.observe("response.results.relevance_score.repeatable", finding)

    judge.examine(valid(model), prove)
