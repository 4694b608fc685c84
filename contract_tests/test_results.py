"""Response: results, as they relate to those of other requests."""

import itertools

import pytest
from hypothesis import strategies as st

from .checks.check import Finding
from .checks.relations import same_ranking, scores
from .contract import Model
from .exchanges import Exchange, Request, member
from .judging.judge import Judge
from .strategies import Body

#: Requests that are sent at the same time.
TOGETHER = 3


@pytest.mark.requirement("response.results.index.permutation")
def test_indices_follow_their_documents(judge: Judge, model: Model) -> None:
    def prove(example: tuple[Body, int]) -> None:
        body, shift = example
        sent = judge.reference(body)
        count = len(sent.documents)
        order = [(index + shift) % count for index in range(count)][::-1]
        documents = [sent.documents[index] for index in order]
        moved = judge.ranks("endpoint.rerank", {**body, "documents": documents})
        difference = same_ranking(scores(sent), scores(moved, order))
        judge.compare("response.results.index.permutation", difference, sent, moved)

    judge.examine(st.tuples(judge.draw.valid(model), st.integers(0, 7)), prove)


@pytest.mark.requirement("response.results.own")
def test_answers_that_cross_are_not_mixed_up(judge: Judge, model: Model) -> None:
    def prove(example: tuple[Body, str]) -> None:
        body, word = example
        # Equal in all but the documents, so that no smaller key tells them apart.
        callers = itertools.cycle(judge.run.callers)
        requests = [
            Request(
                {
                    **body,
                    "documents": [f"{text} {word} {number}" for text in judge.draw.corpus],
                },
                credential=next(callers),
            )
            for number in range(TOGETHER)
        ]
        for exchange in judge.send_together(requests):
            judge.compare("response.results.own", _strangers(exchange), exchange)

    words = st.sampled_from(["of caller", "来自", "von"])
    judge.examine(
        st.tuples(
            judge.draw.valid(model, documents=judge.draw.corpus, return_documents=True),
            words,
        ),
        prove,
    )


def _strangers(exchange: Exchange) -> list[Finding]:
    texts = [member(result.document, "text") for result in exchange.ranking or ()]
    return [
        ("text of this request", f"text {text!r}")
        for text in texts
        if isinstance(text, str) and text not in exchange.documents
    ]


@pytest.mark.requirement("response.results.query")
@pytest.mark.effort("standard")
def test_another_query_is_given_another_ranking(judge: Judge, model: Model) -> None:
    def prove() -> None:
        body = judge.draw.plainest(model)
        one = judge.reference(body)
        other = judge.ranks("endpoint.rerank", {**body, "query": judge.draw.corpus[0].title()})
        same = not list(same_ranking(scores(one), scores(other)))
        finding = [("other scores for another query", "the same scores")] if same else []
        judge.compare("response.results.query", finding, one, other)

    judge.examine_once(prove)


@pytest.mark.requirement("response.results.duplicates")
@pytest.mark.effort("standard")
def test_whether_equal_documents_are_given_equal_scores(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        documents = [*body["documents"], *body["documents"]]
        ranking = scores(judge.ranks("endpoint.rerank", {**body, "documents": documents}))
        half = len(body["documents"])
        copies = {index: ranking[index + half] for index in range(half) if index + half in ranking}
        originals = {index: score for index, score in ranking.items() if index < half}
        equal = not list(same_ranking(originals, copies))
        judge.note("response.results.duplicates", "equal" if equal else "not equal")

    judge.examine(judge.draw.valid(model, top_n=None), prove)


@pytest.mark.requirement("response.results.independence")
@pytest.mark.effort("standard")
def test_whether_a_score_depends_on_the_other_documents(judge: Judge, model: Model) -> None:
    def prove(example: tuple[Body, int]) -> None:
        body, number = example
        together = scores(judge.reference(body))
        cut = 1 + number % (len(together) - 1) if len(together) > 1 else 1
        first, rest = body["documents"][:cut], body["documents"][cut:]
        alone = scores(judge.ranks("endpoint.rerank", {**body, "documents": first}))
        if rest:
            moved = judge.ranks("endpoint.rerank", {**body, "documents": rest})
            alone |= {index + cut: score for index, score in scores(moved).items()}
        depends = bool(list(same_ranking(together, alone)))
        finding = "depends on them" if depends else "does not depend on them"
        judge.note("response.results.independence", finding)

    judge.examine(st.tuples(judge.draw.valid(model, top_n=None), st.integers(0, 7)), prove)
