"""Body: max_chunks_per_doc and the other chunk options."""

import pytest
from hypothesis import strategies as st

from .checks.relations import same_ranking, scores
from .contract import Model
from .judging.judge import Judge
from .strategies import Body

FIELD = "max_chunks_per_doc"


@pytest.mark.requirement("request.max_chunks_per_doc.short_documents")
@pytest.mark.models(supports=FIELD)
@pytest.mark.effort("standard")
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


@pytest.mark.requirement("request.max_chunks_per_doc.best_chunk")
@pytest.mark.models(supports=FIELD)
@pytest.mark.effort("thorough")
def test_whether_a_passage_at_the_end_raises_a_long_document(judge: Judge, model: Model) -> None:
    filler = "Timetables of the harbour ferries are posted beside the pier. " * 1200

    def prove() -> None:
        query = judge.draw.query
        documents = [filler, f"{filler} {query}: the fruit of the {query.lower()} tree."]
        body = {**judge.draw.plainest(model), "documents": documents}
        ranking = scores(judge.ranks("endpoint.rerank", body))
        finding = "raises it" if ranking[1] > ranking[0] else "does not raise it"
        judge.note("request.max_chunks_per_doc.best_chunk", finding)

    judge.examine_once(prove)
