"""Body: top_n."""

import pytest
from hypothesis import strategies as st

from .checks.relations import cut, most_relevant, scores
from .contract import Model
from .judging.judge import Judge
from .strategies import Body


@pytest.mark.requirement("request.top_n.count", "request.top_n.most_relevant")
@pytest.mark.effort("standard")
@pytest.mark.models("wide")
@pytest.mark.sends(requests=3, tokens=110, examples=2)
def test_exactly_top_n_results_come_back(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        full = judge.reference({name: value for name, value in body.items() if name != "top_n"})
        # Twice with the same documents: what is kept of one answer must not come again.
        for top_n in (1, len(full.documents) - 1):
            part = judge.ranks("endpoint.rerank", {**body, "top_n": top_n})
            difference = cut(scores(full), scores(part))
            judge.compare("request.top_n.most_relevant", difference, full, part)

    bodies = judge.draw.extremes(model, query=judge.draw.either)
    judge.examine(st.sampled_from(bodies), prove)


@pytest.mark.requirement("request.top_n.most_relevant")
@pytest.mark.sends(requests=2, smoke=1)
def test_the_most_relevant_documents_come_back(judge: Judge, model: Model) -> None:
    def prove(example: tuple[Body, int]) -> None:
        body, number = example
        full = judge.reference(body)
        # The best document last, so that a server that cuts before sorting loses it.
        order = sorted(scores(full), key=scores(full).__getitem__)
        documents = [full.documents[index] for index in order]
        top_n = 1 + number % len(documents)
        part = judge.ranks("endpoint.rerank", {**body, "documents": documents, "top_n": top_n})
        missed = most_relevant(scores(full), scores(part, order))
        judge.compare("request.top_n.most_relevant", missed, full, part)

    judge.examine(st.tuples(judge.draw.valid(model, top_n=None), st.integers(0, 100)), prove)


@pytest.mark.requirement("request.top_n.beyond_documents")
@pytest.mark.effort("standard")
@pytest.mark.models("first")
def test_a_top_n_beyond_the_documents_returns_all(judge: Judge, model: Model) -> None:
    def prove(example: tuple[Body, int]) -> None:
        body, more = example
        top_n = len(body["documents"]) + more
        judge.ranks("request.top_n.beyond_documents", {**body, "top_n": top_n})

    judge.examine(st.tuples(judge.draw.valid(model, top_n=None), st.integers(1, 1000)), prove)
