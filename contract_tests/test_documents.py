"""Body: documents."""

import pytest
from hypothesis import strategies as st

from .checks.relations import most_relevant, same_ranking, scores
from .contract import AnyJson, Model
from .exchanges import Exchange, Request
from .judging.connection import seen
from .judging.judge import Judge
from .strategies import DELICATE_TEXTS, Body

#: Numbers of short documents, next to the usual sizes of batches and caps; the first at any effort.
HUNDRED = 101
COUNTS = (17, 33, 65, 257, 1000)
WITHOUT_TOP_N = 65
#: Number of documents -> a top_n beyond the usual caps; that of 101 is the first.
TENTH = 11
PARTS = {33: 31, 257: 101, 1000: 101}
#: Lengths of long documents in characters, next to the usual caps; tried until one is accepted.
LENGTHS = (66_000, 33_000, 8_500)
#: What long documents are made of: words of 11 letters and Chinese characters.
LONG_TEXTS = ("Timetables ", "深度学习是机器学习的子集")


@pytest.mark.requirement("request.documents.array")
def test_an_array_of_strings_is_accepted(judge: Judge, model: Model) -> None:
    judge.examine(
        judge.draw.valid(model), lambda body: judge.reference(body, "request.documents.array")
    )


@pytest.mark.requirement("request.documents.string")
@pytest.mark.models("wide")
def test_a_string_is_ranked_as_the_array_that_holds_it_alone(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        array = judge.reference({**body, "documents": [body["documents"]]})
        string = judge.ranks("request.documents.string", body)
        difference = same_ranking(scores(array), scores(string))
        judge.compare("request.documents.string", difference, array, string)

    # The best document first: a difference shows most in a high score.
    strings = st.one_of(st.just(judge.draw.corpus[-1]), judge.draw.texts())
    judge.examine(strings.flatmap(lambda text: judge.draw.valid(model, documents=text)), prove)


@pytest.mark.requirement("request.return_documents.true")
@pytest.mark.effort("standard")
def test_a_string_comes_back_whole(judge: Judge, model: Model) -> None:
    text = "\n".join(DELICATE_TEXTS) + LONG_TEXTS[0] * 1500

    def prove() -> None:
        body = {**judge.draw.plainest(model), "documents": text, **judge.draw.echo(model)}
        judge.tries(Request(body))

    judge.examine_once(prove)


@pytest.mark.requirement("request.documents.delicate")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
@pytest.mark.parametrize("kind", ["NUL", "white space alone", "equal documents"])
def test_what_a_delicate_document_is_answered_with(judge: Judge, model: Model, kind: str) -> None:
    def prove() -> None:
        corpus = judge.draw.corpus
        more = {"NUL": ["a\0b"], "white space alone": [" \n\t"], "equal documents": corpus}[kind]
        body = {
            **judge.draw.plainest(model),
            "documents": [*corpus, *more],
            **judge.draw.echo(model),
        }
        exchange = judge.tries(Request(body))
        finding = "ranked" if exchange.ranking else seen(exchange.answer)
        judge.note("request.documents.delicate", f"{kind}: {finding}")

    judge.examine_once(prove)


@pytest.mark.telling
@pytest.mark.requirement(
    "request.documents.count",
    "request.top_n.count",
    "request.return_documents.true",
    "response.results.sorted",
    "response.results.index.unique",
)
@pytest.mark.models("every")
def test_a_hundred_documents_are_ranked_whole(judge: Judge, model: Model) -> None:
    def prove() -> None:
        body = {
            **judge.draw.plainest(model),
            "documents": judge.draw.many(HUNDRED, delicate=True),
            "top_n": HUNDRED,
            **judge.draw.echo(model),
        }
        full = judge.tries(Request(body))
        finding = "are accepted" if full.ranking else f"are refused: {seen(full.answer)}"
        judge.note("request.documents.count", f"{HUNDRED} {finding}")
        if full.ranking and judge.run.effort.wide:
            # The same documents: what is kept of the answer before must not come again.
            _rank_part(judge, full, full.documents, TENTH)

    judge.examine_once(prove)


@pytest.mark.requirement(
    "request.documents.count", "request.top_n.count", "request.top_n.most_relevant"
)
@pytest.mark.effort("standard")
def test_batches_of_documents_are_ranked_whole(judge: Judge, model: Model) -> None:
    def prove() -> None:
        accepted = "1 is accepted"
        for count in COUNTS:
            top_n = {"top_n": count} if count != WITHOUT_TOP_N else {}
            body = {
                **judge.draw.plainest(model),
                "documents": judge.draw.many(count),
                **judge.draw.echo(model),
                **top_n,
            }
            full = judge.tries(Request(body))
            if not full.ranking:
                finding = f"{accepted}, {count} are refused: {seen(full.answer)}"
                judge.note("request.documents.count", finding)
                return
            accepted = f"{count} are accepted"
            if count in PARTS:
                order = sorted(scores(full), key=scores(full).__getitem__)
                _rank_part(judge, full, [full.documents[index] for index in order], PARTS[count])
        judge.note("request.documents.count", accepted)

    judge.examine_once(prove)


def _rank_part(judge: Judge, full: Exchange, documents: list[AnyJson], top_n: int) -> None:
    """Ask for the best of the documents, in an order of which the best one is the last."""
    order = list(map(full.documents.index, documents))
    part = judge.tries(Request({**full.request.body, "documents": documents, "top_n": top_n}))
    if part.ranking:
        before, after = scores(full), scores(part, order)
        missed = most_relevant(before, after)
        judge.compare("request.top_n.most_relevant", missed, full, part)
        moved = same_ranking({index: before[index] for index in after if index in before}, after)
        judge.compare("response.results.index.permutation", moved, full, part)


@pytest.mark.requirement("request.documents.length", "request.return_documents.true")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
def test_long_documents_come_back_whole(judge: Judge, model: Model) -> None:
    def prove() -> None:
        refused = ""
        for length in LENGTHS:
            documents = [text * (length // len(text)) for text in LONG_TEXTS]
            body = {
                **judge.draw.plainest(model),
                "documents": [documents[0], *judge.draw.corpus, documents[1]],
                **judge.draw.echo(model),
            }
            exchange = judge.tries(Request(body))
            if exchange.ranking:
                judge.note("request.documents.length", f"{length} characters are accepted{refused}")
                alone = scores(judge.reference(judge.draw.plainest(model)))
                beside = scores(exchange, [-1, *sorted(alone), -2])
                depends = list(same_ranking(alone, {index: beside[index] for index in alone}))
                finding = "depends on them" if depends else "does not depend on them"
                judge.note("response.results.independence", finding)
                return
            refused = f", {length} are refused: {seen(exchange.answer)}"
        judge.note("request.documents.length", f"no length was accepted{refused}")

    judge.examine_once(prove)
