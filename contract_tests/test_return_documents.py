"""Body: return_documents."""

import pytest
from hypothesis import strategies as st

from .checks.relations import same_ranking, scores
from .contract import Model
from .judging.judge import Judge
from .strategies import DELICATE_TEXTS, Body


@pytest.mark.telling
@pytest.mark.requirement("request.return_documents.true")
def test_each_result_carries_the_very_text_that_was_sent(judge: Judge, model: Model) -> None:
    delicate = st.just([*judge.draw.corpus, *DELICATE_TEXTS, judge.draw.query])
    judge.examine(
        delicate.flatmap(
            lambda documents: judge.draw.valid(model, documents=documents, return_documents=True)
        ),
        lambda body: judge.ranks("endpoint.rerank", body),
    )


@pytest.mark.requirement("request.return_documents.false")
def test_no_text_comes_back_when_it_is_not_wanted(judge: Judge, model: Model) -> None:
    judge.examine(
        judge.draw.valid(model, return_documents=False),
        lambda body: judge.ranks("endpoint.rerank", body),
    )


@pytest.mark.requirement("request.return_documents.default")
def test_no_text_comes_back_unasked(judge: Judge, model: Model) -> None:
    judge.examine(judge.draw.valid(model, return_documents=None), judge.reference)


@pytest.mark.requirement("request.return_documents.ranking")
def test_returning_documents_does_not_change_the_ranking(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        without = judge.reference(body)
        with_documents = judge.reference({**body, "return_documents": True})
        difference = same_ranking(scores(without), scores(with_documents))
        judge.compare("request.return_documents.ranking", difference, without, with_documents)

    judge.examine(judge.draw.valid(model, return_documents=None), prove)
