"""Response: header, id, results, meta. Relations between answers are in test_results.py."""

import pytest

from .contract import Model
from .exchanges import member
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
    "response.results.index.literal",
    "response.results.index.unique",
    "response.results.relevance_score.range",
    "response.meta.tokens",
)
def test_an_answer_has_the_shape_of_the_page(judge: Judge, model: Model) -> None:
    judge.examine(
        judge.draw.valid(model, top_n=None, **judge.draw.echo(model)),
        judge.reference,
    )


@pytest.mark.requirement(
    "response.id.unique",
    "response.header.trace_id.unique",
    "response.results.relevance_score.repeatable",
    "response.meta.repeatable",
)
@pytest.mark.brief
@pytest.mark.sends(requests=2, smoke=1)
def test_the_same_request_is_given_another_id(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        one, other = judge.reference(body), judge.ranks("endpoint.rerank", body)
        pairs = zip(one.ranking or (), other.ranking or (), strict=False)
        farthest = max(abs(first.score - second.score) for first, second in pairs)
        finding = f"scores differ by up to {farthest:.0e}" if farthest else "the same scores"
        judge.note("response.results.relevance_score.repeatable", finding)
        metas = [member(exchange.answer.json, "meta") for exchange in (one, other)]
        difference = [] if metas[0] == metas[1] else [(f"meta {metas[0]}", f"meta {metas[1]}")]
        judge.compare("response.meta.repeatable", difference, one, other)

    judge.examine(judge.draw.valid(model), prove)


@pytest.mark.requirement("response.meta.input")
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=3, tokens=60, examples=1)
def test_input_tokens_are_those_of_the_documents(judge: Judge, model: Model) -> None:
    def prove() -> None:
        plain = judge.draw.plainest(model)
        longer = {**plain, "documents": [f"{text} and {text}" for text in plain["documents"]]}
        fewer = {**plain, "documents": plain["documents"][:1]}
        sent = [judge.reference(body) for body in (plain, {**plain, "top_n": 1}, longer, fewer)]
        counts = [
            member(exchange.answer.json, "meta", "tokens", "input_tokens") for exchange in sent
        ]
        difference: list[tuple[str, str]] = []
        if counts[0] != counts[1]:
            difference.append((f"{counts[0]} tokens with top_n 1", f"{counts[1]}"))
        if type(counts[0]) is type(counts[2]) is int and counts[0] >= counts[2]:
            difference.append((f"more than {counts[0]} for longer documents", f"{counts[2]}"))
        if type(counts[0]) is type(counts[3]) is int and counts[0] <= counts[3]:
            difference.append((f"more than {counts[3]} for more documents", f"{counts[0]}"))
        judge.compare("response.meta.input", difference, *sent)

    judge.examine_once(prove)
