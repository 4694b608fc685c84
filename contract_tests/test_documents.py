"""Body: documents."""

import itertools
import json
import math

import pytest
from hypothesis import strategies as st

from .checks.relations import cut, most_relevant, same_ranking, scores
from .contract import AnyJson, Model
from .exchanges import Exchange, Request
from .judging.connection import seen
from .judging.judge import Judge
from .strategies import Body

#: Numbers of short documents: the usual sizes of batches and caps, and one more than these.
HUNDRED = 101
COUNTS = (17, 33, 64, 65, 128, 257, 1000)
WITHOUT_TOP_N = (65, 1000)
#: Number of documents -> a top_n within, and beyond the usual caps; that of 101 is the first.
TENTH = 11
PARTS = {33: (11,), 257: (51,), 1000: (999,)}
#: Where the documents stand as they did: what is kept of the answer before must not come again.
IN_ORDER = 257
#: Lengths of long documents in characters, next to the usual caps; tried until one is accepted.
LENGTHS = (66_000, 33_000, 8_500)
HALF_AS_LONG = 33_000
#: What long documents are made of: words, and Chinese ones among them.
LONG_TEXTS = ("Timetables ", "深度学习 Timetables ")


@pytest.mark.requirement("request.documents.array")
@pytest.mark.brief
@pytest.mark.sends(smoke=0)
def test_an_array_of_strings_is_accepted(judge: Judge, model: Model) -> None:
    judge.examine(
        judge.draw.valid(model), lambda body: judge.reference(body, "request.documents.array")
    )


@pytest.mark.requirement("request.documents.string")
@pytest.mark.models("wide")
@pytest.mark.sends(requests=2)
def test_a_string_is_ranked_as_the_array_that_holds_it_alone(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        array = judge.reference({**body, "documents": [body["documents"]]})
        string = judge.ranks("request.documents.string", body)
        difference = same_ranking(scores(array), scores(string))
        judge.compare("request.documents.string", difference, array, string)

    # The best document first: a difference shows most in a high score.
    strings = st.one_of(st.just(judge.draw.corpus[-1]), judge.draw.texts)
    judge.examine(strings.flatmap(lambda text: judge.draw.valid(model, documents=text)), prove)


@pytest.mark.requirement("request.return_documents.true")
@pytest.mark.effort("standard")
@pytest.mark.models("wide")
@pytest.mark.sends(requests=2, tokens=1_230, examples=1)
def test_a_string_comes_back_whole(judge: Judge, model: Model) -> None:
    # Long ones that differ near the end alone, and that could be read as arrays.
    texts = ([LONG_TEXTS[0] * 200, text] for text in judge.draw.mixed[-2:])
    strings = [f"{json.dumps(text, ensure_ascii=False)} \r\n\n" for text in texts]

    def prove() -> None:
        plain = {**judge.draw.plainest(model), **judge.draw.echo(model)}
        judge.tries(Request({**plain, "documents": strings[0]}))
        full = judge.draw.fullest(model, documents=strings[1])
        judge.tries(Request(full, credential=judge.run.callers[-1]))

    judge.examine_once(prove)


@pytest.mark.requirement("request.documents.delicate", "request.return_documents.true")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
@pytest.mark.parametrize(
    "kind", ["NUL", "white space alone", "equal documents", "empty ones between others"]
)
@pytest.mark.sends(requests=2, tokens=680, examples=1)
def test_what_a_delicate_document_is_answered_with(judge: Judge, model: Model, kind: str) -> None:
    def prove() -> None:
        corpus, mixed = judge.draw.corpus, judge.draw.mixed
        documents = {
            "NUL": [f"{text}\0b" for text in corpus],
            "white space alone": [*corpus, " \n\t"],
            "equal documents": [*mixed, *mixed],
            "empty ones between others": ["", corpus[0], "", *corpus[1:]],
        }[kind]
        plain = {**judge.draw.plainest(model), "documents": documents, **judge.draw.echo(model)}
        top_n = len(documents) - 1
        judge.tries(Request(judge.draw.fullest(model, documents=documents, top_n=top_n)))
        exchange = judge.tries(Request(plain))
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
@pytest.mark.sends(requests=2, tokens=1_200, examples=1, smoke=1)
def test_a_hundred_documents_are_ranked_whole(judge: Judge, model: Model) -> None:
    def prove() -> None:
        body = {
            **judge.draw.plainest(model),
            "documents": judge.draw.many(HUNDRED),
            "top_n": HUNDRED,
            **judge.draw.echo(model),
        }
        full = judge.tries(Request(body))
        finding = "are accepted" if full.ranking else f"are refused: {seen(full.answer)}"
        judge.note("request.documents.count", f"{HUNDRED} {finding}")
        if full.ranking and judge.run.effort.wide:
            _rank_part(judge, full, full.documents, TENTH, echo=False)

    judge.examine_once(prove)


@pytest.mark.requirement(
    "request.documents.count", "request.top_n.count", "request.top_n.most_relevant"
)
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=10, tokens=19_200, examples=1)
def test_batches_of_documents_are_ranked_whole(judge: Judge, model: Model) -> None:
    def prove() -> None:
        accepted = "1 is accepted"
        callers = itertools.cycle(judge.run.callers)
        for count in COUNTS:
            whole = {"top_n": count} if count not in WITHOUT_TOP_N else {}
            body = {
                **judge.draw.plainest(model),
                "query": judge.draw.either,
                "documents": judge.draw.many(count),
                **judge.draw.echo(model),
                **whole,
            }
            full = judge.tries(Request(body, credential=next(callers)))
            if not full.ranking:
                finding = f"{accepted}, {count} are refused: {seen(full.answer)}"
                judge.note("request.documents.count", finding)
                return
            accepted = f"{count} are accepted"
            # What was left out, where `top_n` was too, is sent again.
            order = sorted(range(count), key=lambda index: scores(full).get(index, -math.inf))
            for top_n in PARTS.get(count, ()):
                documents = full.documents
                if count != IN_ORDER:
                    documents = [documents[index] for index in order]
                _rank_part(judge, full, documents, top_n, echo=top_n < HUNDRED)
        judge.note("request.documents.count", accepted)

    judge.examine_once(prove)


def _rank_part(
    judge: Judge, full: Exchange, documents: list[AnyJson], top_n: int, *, echo: bool
) -> None:
    """Ask for the best of the documents, in an order of which the best one is the last."""
    order = list(map(full.documents.index, documents))
    body = {**full.request.body, "documents": documents, "top_n": top_n}
    if not echo:
        body.pop("return_documents", None)
    part = judge.tries(Request(body))
    if not part.ranking or len(full.ranking or ()) < len(documents):
        return
    before, after = scores(full), scores(part, order)
    if documents == full.documents:
        judge.compare("request.top_n.most_relevant", cut(before, after), full, part)
        return
    missed = most_relevant(before, after)
    judge.compare("request.top_n.most_relevant", missed, full, part)
    moved = same_ranking({index: before[index] for index in after if index in before}, after)
    judge.compare("response.results.index.permutation", moved, full, part)


@pytest.mark.requirement("request.documents.length", "request.return_documents.true")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=3, tokens=62_500, examples=1)
def test_long_documents_come_back_whole(judge: Judge, model: Model) -> None:
    def prove() -> None:
        refused = ""
        for length in LENGTHS:
            mixed = judge.draw.mixed
            documents = [text * (length // len(text)) + mixed[0] for text in LONG_TEXTS]
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
                both = alone.keys() & beside.keys()
                depends = list(
                    same_ranking(
                        {index: alone[index] for index in both},
                        {index: beside[index] for index in both},
                    )
                )
                finding = "depends on them" if depends else "does not depend on them"
                judge.note("response.results.independence", finding)
                # Other ways to ask with a long one, which begins alike: as the best, and alone.
                *others, best = judge.draw.corpus
                long = documents[0][:HALF_AS_LONG] + best
                few = [long, *others]
                judge.tries(Request(judge.draw.fullest(model, documents=few, top_n=2)))
                judge.tries(Request({**body, "documents": long}))
                return
            refused = f", {length} are refused: {seen(exchange.answer)}"
        judge.note("request.documents.length", f"no length was accepted{refused}")

    judge.examine_once(prove)
