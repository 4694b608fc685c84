"""Body: max_chunks_per_doc."""

import pytest
from hypothesis import strategies as st

from .checks.relations import same_ranking, scores
from .contract import Model, keywords
from .judging.judge import Judge
from .strategies import QUERY, Body, Fault, plainest, valid, values

FIELD = "max_chunks_per_doc"
SCHEMA = keywords(f"request.classic#/properties/{FIELD}")


@pytest.mark.faults(FIELD)
def test_a_wrong_max_chunks_per_doc_is_refused(judge: Judge, model: Model, fault: Fault) -> None:
    judge.examine_fault(model, fault)


@pytest.mark.requirement("request.max_chunks_per_doc.supported")
@pytest.mark.models(supports=FIELD)
@pytest.mark.effort("standard")
def test_a_max_chunks_per_doc_is_accepted(judge: Judge, model: Model) -> None:
    judge.examine(
        values(FIELD).flatmap(lambda number: valid(model, max_chunks_per_doc=number)),
        lambda body: judge.accepts("request.max_chunks_per_doc.supported", body),
    )


@pytest.mark.requirement("request.max_chunks_per_doc.minimum")
@pytest.mark.models(supports=FIELD)
def test_the_smallest_max_chunks_per_doc_is_accepted(judge: Judge, model: Model) -> None:
    judge.examine(
        valid(model, max_chunks_per_doc=SCHEMA["minimum"][1]),
        lambda body: judge.accepts("request.max_chunks_per_doc.minimum", body),
    )


@pytest.mark.requirement("request.max_chunks_per_doc.default")
@pytest.mark.models(supports=FIELD)
def test_the_default_ranks_as_leaving_it_out_does(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        absent = judge.reference(body)
        default = {**body, FIELD: SCHEMA["default"][1]}
        explicit = judge.ranks("request.max_chunks_per_doc.supported", default)
        difference = same_ranking(scores(absent), scores(explicit))
        judge.compare("request.max_chunks_per_doc.default", difference, absent, explicit)

    judge.examine(valid(model, max_chunks_per_doc=None), prove)


@pytest.mark.requirement("request.max_chunks_per_doc.short_documents")
@pytest.mark.models(supports=FIELD)
@pytest.mark.effort("standard")
def test_chunk_options_change_nothing_for_short_documents(judge: Judge, model: Model) -> None:
    options = sorted((model.supports or frozenset()) - {"instruction"})

    def prove(example: tuple[Body, Body]) -> None:
        body, chosen = example
        plain = judge.reference(body)
        chunked = judge.ranks("request.max_chunks_per_doc.supported", {**body, **chosen})
        difference = same_ranking(scores(plain), scores(chunked))
        judge.compare("request.max_chunks_per_doc.short_documents", difference, plain, chunked)

    absent = valid(model, **dict.fromkeys(options))
    judge.examine(
        st.tuples(absent, st.fixed_dictionaries({name: values(name) for name in options})), prove
    )


@pytest.mark.requirement("request.max_chunks_per_doc.gated")
@pytest.mark.models(lacks=FIELD)
def test_a_model_without_max_chunks_per_doc_refuses_or_ignores_it(
    judge: Judge, model: Model
) -> None:
    judge.examine_gate(model, FIELD)


@pytest.mark.requirement("request.max_chunks_per_doc.best_chunk")
@pytest.mark.models(supports=FIELD)
@pytest.mark.effort("thorough")
def test_whether_a_passage_at_the_end_raises_a_long_document(judge: Judge, model: Model) -> None:
    filler = "Timetables of the harbour ferries are posted beside the pier. " * 1200

    def prove() -> None:
        documents = [filler, f"{filler} {QUERY}: the fruit of the {QUERY.lower()} tree."]
        ranking = scores(
            judge.ranks("endpoint.rerank", {**plainest(model), "documents": documents})
        )
        finding = "raises it" if ranking[1] > ranking[0] else "does not raise it"
        judge.observe("request.max_chunks_per_doc.best_chunk", finding)

    judge.examine_once(prove)
