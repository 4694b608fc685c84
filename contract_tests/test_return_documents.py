"""Body: return_documents."""

import pytest
from hypothesis import strategies as st

from .checks.relations import same_ranking, scores
from .contract import Model
from .exchanges import Credential, Request
from .judging.judge import Judge
from .strategies import Body

LONG_BEGINNING = "Of all that grows in the gardens along the northern road, what is nearest to: "
#: Documents that are sent at once where all of them are refused.
FEW = 6


@pytest.mark.telling
@pytest.mark.requirement("request.return_documents.true")
@pytest.mark.models("wide")
@pytest.mark.sends(tokens=1_150, examples=2)
def test_each_result_carries_the_very_text_that_was_sent(judge: Judge, model: Model) -> None:
    def prove(example: tuple[Body, Credential]) -> None:
        body, caller = example
        if judge.tries(Request(body, credential=caller)).ranking:
            return
        # Too many at once, perhaps.
        for start in range(0, len(body["documents"]), FEW):
            documents = body["documents"][start : start + FEW]
            few = {**body, "documents": documents, "top_n": len(documents)}
            judge.ranks("endpoint.rerank", few)

    documents = [*judge.draw.mixed[-2:], *judge.draw.delicate, judge.draw.query]
    plain = {**judge.draw.plainest(model), "documents": documents, "return_documents": True}
    full = {**judge.draw.fullest(model, documents=documents), "return_documents": True}
    callers = judge.run.callers
    judge.examine(st.sampled_from([(plain, callers[0]), (full, callers[-1])]), prove)


@pytest.mark.requirement("request.return_documents.true")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=6, tokens=60, examples=1)
def test_requests_that_differ_in_one_place_are_kept_apart(judge: Judge, model: Model) -> None:
    # At the end of one document; in where documents begin; in their order.
    late = [f"{LONG_BEGINNING}{text}" for text in ("an apple", "a banana")]
    alike = ([late[0], "c"], [late[1], "c"], ["ab", "c"], ["a", "bc"], ["abc"], ["c", "ab"])

    def prove() -> None:
        for documents in alike:
            body = {
                **judge.draw.plainest(model),
                "documents": documents,
                "top_n": len(documents),
                **judge.draw.echo(model),
            }
            judge.ranks("endpoint.rerank", body)

    judge.examine_once(prove)


@pytest.mark.requirement("request.return_documents.true", "response.results.index.permutation")
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=2, tokens=120, examples=1)
def test_texts_that_differ_little_are_kept_apart(judge: Judge, model: Model) -> None:
    late = [f"{LONG_BEGINNING}{text}" for text in (judge.draw.corpus[0], judge.draw.corpus[-1])]
    # At the end alone; in letter case, in Unicode form, in white space.
    alike = (
        [*late, "apple", "caf\u00e9", "a b"],
        [*late[::-1], "Apple", "cafe\u0301", "a  b"],
    )

    def prove() -> None:
        plain = {**judge.draw.plainest(model), **judge.draw.echo(model)}
        one, other = (
            judge.ranks("endpoint.rerank", {**plain, "documents": documents}) for documents in alike
        )
        first, second = (
            {index: score for index, score in ranking.items() if index < len(late)}
            for ranking in (scores(one), scores(other, [1, 0, 2, 3, 4]))
        )
        judge.compare("response.results.index.permutation", same_ranking(first, second), one, other)

    judge.examine_once(prove)


@pytest.mark.requirement("request.return_documents.false")
def test_no_text_comes_back_when_it_is_not_wanted(judge: Judge, model: Model) -> None:
    judge.examine(
        judge.draw.valid(model, return_documents=False),
        lambda body: judge.ranks("endpoint.rerank", body),
    )


@pytest.mark.requirement("request.return_documents.default")
@pytest.mark.brief
@pytest.mark.sends(smoke=0)
def test_no_text_comes_back_unasked(judge: Judge, model: Model) -> None:
    judge.examine(judge.draw.valid(model, return_documents=None), judge.reference)


@pytest.mark.requirement("request.return_documents.ranking")
@pytest.mark.models("wide")
@pytest.mark.sends(requests=2, smoke=1)
def test_returning_documents_does_not_change_the_ranking(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        without = judge.reference(body)
        with_documents = judge.reference({**body, "return_documents": True})
        difference = same_ranking(scores(without), scores(with_documents))
        judge.compare("request.return_documents.ranking", difference, without, with_documents)

    judge.examine(judge.draw.valid(model, return_documents=None), prove)
