"""Body: max_chunks_per_doc and the other chunk options."""

import pytest
from hypothesis import strategies as st

from .checks.relations import (
    close,
    fall_with_filler,
    same_ranking,
    scores,
    unread_passages,
    wrong_chunks,
)
from .contract import Model
from .exchanges import Exchange, Request
from .judging.connection import UnshownError, seen
from .judging.judge import Judge
from .strategies import Body

FIELD = "max_chunks_per_doc"
OVERLAP = "overlap_tokens"
FILLER = "Timetables of the harbour ferries are posted beside the pier. "


@pytest.mark.requirement("request.max_chunks_per_doc.short_documents")
@pytest.mark.models(supports=FIELD)
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=2)
def test_chunk_options_change_nothing_for_short_documents(judge: Judge, model: Model) -> None:
    # What goes with max_chunks_per_doc: the fields that the same models support.
    options = sorted(judge.contract.supported_with(FIELD))

    def prove(example: tuple[Body, Body]) -> None:
        body, chosen = example
        plain = judge.reference(body)
        chunked = judge.ranks("request.max_chunks_per_doc.supported", {**body, **chosen})
        difference = same_ranking(scores(plain), scores(chunked))
        judge.compare("request.max_chunks_per_doc.short_documents", difference, plain, chunked)

    absent = judge.draw.valid(model, **dict.fromkeys(options))
    judge.examine(
        st.tuples(
            absent, st.fixed_dictionaries({name: judge.draw.values(name) for name in options})
        ),
        prove,
    )


@pytest.mark.requirement("request.max_chunks_per_doc.supported")
@pytest.mark.models(supports=FIELD)
@pytest.mark.effort("standard")
@pytest.mark.sends(tokens=20, examples=1)
def test_far_more_chunks_than_the_default_are_accepted(judge: Judge, model: Model) -> None:
    body = {**judge.draw.plainest(model), FIELD: 1_000_000}
    judge.examine_once(lambda: judge.accepts("request.max_chunks_per_doc.supported", body))


def _most_overlap(judge: Judge, model: Model) -> dict[str, int]:
    if OVERLAP not in judge.draw.optional(model):
        return {}
    keywords = judge.draw.keywords(model, OVERLAP)
    return {OVERLAP: keywords["maximum"][1]} if "maximum" in keywords else {}


@pytest.mark.requirement(
    "request.max_chunks_per_doc.best_chunk",
    "request.max_chunks_per_doc.filler",
    "request.max_chunks_per_doc.default",
)
@pytest.mark.models(supports=FIELD)
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=4, tokens=133_000, examples=1)
def test_the_best_chunk_is_the_score_of_a_long_document(judge: Judge, model: Model) -> None:
    passage = f"{judge.draw.query}: the fruit of the {judge.draw.corpus[-1]} tree. " * 50
    filler = FILLER * 750
    ends = [passage, filler + passage, filler * 2 + passage]
    both = [passage + filler, filler + passage]

    def ranked(documents: list[str], **options: int) -> Exchange:
        body = {**judge.draw.plainest(model), "documents": documents, "top_n": len(documents)}
        exchange = judge.tries(Request({**body, **options}))
        if not exchange.ranking:
            raise UnshownError(f"long documents are refused: {seen(exchange.answer)}")
        if len(scores(exchange)) < len(documents):
            raise UnshownError("not every long document is among the results")
        return exchange

    def prove() -> None:
        sent = [ranked(ends, **limit) for limit in ({FIELD: 1024}, {FIELD: 1}, {})]
        all_chunks, first, default = map(scores, sent)
        difference = same_ranking(all_chunks, default)
        judge.compare("request.max_chunks_per_doc.default", difference, sent[0], sent[2])
        falls = fall_with_filler(all_chunks, first)
        judge.compare("request.max_chunks_per_doc.filler", falls, sent[0])
        # The size of a chunk is not published: each of the documents may be one chunk.
        if all(close(all_chunks[long], first[long]) for long in (1, 2)):
            raise UnshownError(f"{FIELD} 1 does not change the score of long documents")
        wrong = wrong_chunks(all_chunks, first)
        judge.compare("request.max_chunks_per_doc.best_chunk", wrong, sent[1], sent[0])
        moved = ranked(both, **_most_overlap(judge, model))
        unread = unread_passages(scores(moved), all_chunks, first)
        judge.compare("request.max_chunks_per_doc.best_chunk", unread, *sent[:2], moved)

    judge.examine_once(prove)
