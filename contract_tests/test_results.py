"""Response: results, as they relate to those of other requests."""

import itertools

import pytest
from hypothesis import strategies as st

from .checks.check import Finding
from .checks.relations import close, same_ranking, scores
from .contract import Model
from .exchanges import Exchange, Request, member
from .judging.connection import seen
from .judging.judge import Judge
from .strategies import Body

#: Requests that are sent at the same time: in the shortest run, and otherwise.
FEW, TOGETHER = 8, 16
_FRONT = "Of all that grows in the gardens along the northern road, what is nearest to: "
#: Pairs that differ in one place.
QUERIES = {
    "Chinese": ("苹果", "香蕉"),
    "at the end": (f"{_FRONT}an apple", f"{_FRONT}a banana"),
    "in another line": (
        "Which of these is it?\r\n\nan apple",
        "Which of these is it?\r\n\na banana",
    ),
}
MANY_WORDS = (f"{_FRONT * 6}an apple", f"{_FRONT * 6}a banana")


@pytest.mark.requirement("response.results.index.permutation")
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=2)
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
@pytest.mark.models("first")
@pytest.mark.sends(requests=10, tokens=280, examples=3, smoke=8)
def test_answers_that_cross_are_not_mixed_up(judge: Judge, model: Model) -> None:
    def prove() -> None:
        models, callers = judge.served(model), itertools.cycle(judge.run.callers)
        count = TOGETHER if judge.run.effort.wide else FEW
        different = count * 3 // 4
        corpus = judge.draw.corpus

        def body(number: int) -> Body:
            # Those of a group differ in one thing each: in model, query, top_n or documents.
            group, changed = divmod(number, 4)
            asked = models[group % len(models) if changed == 0 else 0]
            name = number if changed == 3 else group
            body = {
                **judge.draw.plainest(asked),
                "query": corpus[(group + (changed == 1)) % len(corpus)],
                "documents": [f"{text} 来自 {name}" for text in corpus],
                **judge.draw.echo(asked),
            }
            return {**body, "top_n": 1 + group % len(corpus)} if changed == 2 else body

        requests = [
            Request(body(number % different), credential=next(callers)) for number in range(count)
        ]
        for exchange in judge.send_together(requests):
            judge.compare("response.results.own", _strangers(exchange), exchange)
            if judge.run.effort.wide and exchange.ranking:
                alone = judge.reference(exchange.request.body)
                difference = same_ranking(scores(alone), scores(exchange))
                judge.compare("response.results.own", difference, alone, exchange)

    judge.examine_once(prove)


def _strangers(exchange: Exchange) -> list[Finding]:
    texts = [member(result.document, "text") for result in exchange.ranking or ()]
    return [
        ("text of this request", f"text {text!r}")
        for text in texts
        if isinstance(text, str) and text not in exchange.documents
    ]


@pytest.mark.requirement("response.results.query", "response.results.relevance")
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=3, tokens=60, examples=1)
def test_another_query_is_given_another_ranking(judge: Judge, model: Model) -> None:
    def prove() -> None:
        body = judge.draw.plainest(model)
        one = judge.reference(body)
        others = [
            judge.ranks("endpoint.rerank", {**body, "query": text.title()})
            for text in judge.draw.corpus[:-1]
        ]
        same = [not list(same_ranking(scores(one), scores(other))) for other in others]
        finding = [("other scores for another query", "the same scores")]
        judge.compare("response.results.query", finding if same[0] else (), one, others[0])
        # Constant scores are a freedom. Scores that are close together must be the very same.
        values = scores(one).values()
        apart = not close(min(values), max(values))
        identical = len({*values}) > 1 and all(scores(one) == scores(other) for other in others)
        found = finding if (all(same) and apart) or identical else ()
        judge.compare("response.results.relevance", found, one, *others)

    judge.examine_once(prove)


@pytest.mark.requirement("response.results.query")
@pytest.mark.effort("standard")
@pytest.mark.parametrize("queries", QUERIES.values(), ids=QUERIES)
@pytest.mark.sends(requests=2, tokens=300, examples=1)
def test_every_part_of_a_query_counts(judge: Judge, model: Model, queries: tuple[str, str]) -> None:
    _tell_apart(judge, model, queries)


@pytest.mark.requirement("response.results.query")
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=2, tokens=1_450, examples=1)
def test_the_end_of_a_query_of_many_words_counts(judge: Judge, model: Model) -> None:
    _tell_apart(judge, model, MANY_WORDS)


def _tell_apart(judge: Judge, model: Model, queries: tuple[str, str]) -> None:
    def prove() -> None:
        body = judge.draw.plainest(model)
        documents = [*body["documents"], "苹果和香蕉", "香蕉"]
        one, other = (
            judge.ranks("endpoint.rerank", {**body, "query": query, "documents": documents})
            for query in queries
        )
        finding = [("other scores for another query", "the same scores")]
        same = scores(one) == scores(other)
        judge.compare("response.results.query", finding if same else (), one, other)

    judge.examine_once(prove)


@pytest.mark.requirement("request.instruction.effect", "response.results.own")
@pytest.mark.models(supports="instruction")
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=4, tokens=110, examples=1)
def test_another_instruction_is_given_other_scores(judge: Judge, model: Model) -> None:
    def prove() -> None:
        body = {**judge.draw.plainest(model), "query": judge.draw.either}
        before = judge.reference(body)
        one, other = (
            judge.ranks("request.instruction.supported", {**body, "instruction": text})
            for text in ("Rank the fruit first.", "Rank the vegetables first.")
        )
        finding = [("other scores for another instruction", "the same scores")]
        same = scores(one) == scores(other)
        judge.compare("request.instruction.effect", finding if same else (), one, other)
        # It is not kept for the next request, which has none.
        after = judge.ranks("endpoint.rerank", body)
        difference = same_ranking(scores(before), scores(after))
        judge.compare("response.results.own", difference, before, after)

    judge.examine_once(prove)


@pytest.mark.requirement("response.results.model")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
@pytest.mark.sends(tokens=20, examples=1)
def test_whether_another_model_gives_other_scores(judge: Judge, model: Model) -> None:
    def prove() -> None:
        bodies = map(judge.draw.plainest, judge.served(model))
        ranked = [scores(judge.reference(body)) for body in bodies]
        same = any(one == other for one, other in itertools.combinations(ranked, 2))
        finding = "the same scores" if same else "other scores"
        judge.note("response.results.model", finding if len(ranked) > 1 else "one model is served")

    judge.examine_once(prove)


@pytest.mark.requirement("response.results.duplicates")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
@pytest.mark.brief
def test_whether_equal_documents_are_given_equal_scores(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        documents = [*body["documents"], *body["documents"]]
        exchange = judge.tries(Request({**body, "documents": documents}))
        if not exchange.ranking:
            judge.note("response.results.duplicates", seen(exchange.answer))
            return
        ranking = scores(exchange)
        half = len(body["documents"])
        copies = {index: ranking[index + half] for index in range(half) if index + half in ranking}
        originals = {index: score for index, score in ranking.items() if index < half}
        equal = not list(same_ranking(originals, copies))
        judge.note("response.results.duplicates", "equal" if equal else "not equal")

    judge.examine(judge.draw.valid(model, top_n=None), prove)


@pytest.mark.requirement("response.results.independence")
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=3)
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
