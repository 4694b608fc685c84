"""What has one answer and one trigger is one cause, and its root stands first."""

from collections.abc import Callable

import pytest

from contract_tests.checks.violations import Violation
from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Credential, Exchange, Request
from contract_tests.judging.causes import Cause, causes, traits
from contract_tests.mutants.operators import Sender
from tests.contract_tests.exchanging import BGE, BODY, answer
from tests.contract_tests.judged import Judged
from tests.contract_tests.newest import NEWEST
from tests.schemas.data import TABLE_SCHEMAS, errors

CHUNKS: AnyJson = {**BODY, "max_chunks_per_doc": 2}
SUPPORTED = "request.max_chunks_per_doc.supported"
TYPE = "request.max_chunks_per_doc.type"
MINIMUM = "request.max_chunks_per_doc.minimum"
PLAIN = set(traits(Request(BODY)))


def broken(
    requirement: str, body: AnyJson, status: int = 500, text: AnyJson = "boom"
) -> tuple[str, list[Violation]]:
    exchange = Exchange(Request(body), answer(text, status))
    return requirement, [Violation(requirement, "status 200", "another", (exchange,))]


def test_what_one_field_breaks_is_one_cause_with_its_support_at_the_root() -> None:
    found = dict(
        [
            broken("error.status.listed", {**CHUNKS, "top_n": 1}),
            broken("request.query.minLength", CHUNKS),
            broken(MINIMUM, CHUNKS),
            broken(SUPPORTED, {**CHUNKS, "return_documents": True}),
        ]
    )
    (cause,) = causes(NEWEST, found, PLAIN, {})
    assert cause == Cause(
        "every request with max_chunks_per_doc",
        'status 500, "boom"',
        SUPPORTED,
        (MINIMUM, "request.query.minLength", "error.status.listed"),
    )


def test_answers_that_differ_in_a_number_or_an_id_are_the_same() -> None:
    found = dict(
        [
            broken(MINIMUM, CHUNKS, text="request 17 of 0190a5b0c0de7abc failed"),
            broken(SUPPORTED, CHUNKS, text="request 18 of 0190a5b0c0de7abd failed"),
        ]
    )
    assert len(causes(NEWEST, found, PLAIN, {})) == 1


def test_other_answers_have_other_causes() -> None:
    found = dict([broken(MINIMUM, CHUNKS, text="one"), broken(SUPPORTED, CHUNKS, text="other")])
    assert [cause.others for cause in causes(NEWEST, found, PLAIN, {})] == [(), ()]


def test_what_was_accepted_elsewhere_is_no_trigger() -> None:
    found = dict([broken(MINIMUM, CHUNKS), broken(SUPPORTED, CHUNKS)])
    assert causes(NEWEST, found, PLAIN | set(traits(Request(CHUNKS))), {}) == ()


def test_what_could_not_be_tried_for_the_same_reason_rests_on_the_cause() -> None:
    found = dict([broken(MINIMUM, CHUNKS), broken(SUPPORTED, CHUNKS)])
    hindered = {
        TYPE: Exchange(Request({**CHUNKS, "max_chunks_per_doc": "2"}), answer("boom", 500)),
        "request.top_n.type": Exchange(Request({**BODY, "top_n": "1"}), answer("boom", 500)),
    }
    (cause,) = causes(NEWEST, found, PLAIN, hindered)
    assert (cause.root, cause.others, cause.untried) == (SUPPORTED, (MINIMUM,), (TYPE,))
    assert causes(NEWEST, {}, PLAIN, hindered) == ()


def test_what_fails_in_other_ways_too_does_not_rest_on_one_of_them() -> None:
    name, another = broken("error.status.listed", {**BODY, "top_n": "1"})
    found = dict([broken(MINIMUM, CHUNKS), broken(SUPPORTED, CHUNKS), broken(name, CHUNKS)])
    (together,) = causes(NEWEST, found, PLAIN, {})
    (apart,) = causes(NEWEST, {**found, name: [*found[name], *another]}, PLAIN, {})
    assert together.others == (MINIMUM, name)
    assert apart.others == (MINIMUM,)


def test_a_target_that_fails_always_has_one_cause() -> None:
    found = dict([broken("endpoint.rerank", BODY), broken("error.status.listed", CHUNKS)])
    (cause,) = causes(NEWEST, found, (), {})
    assert cause.root == "endpoint.rerank"
    assert cause.trigger in ("every request", f"every request to {BGE}")


def test_of_two_causes_that_of_more_failures_stands_first() -> None:
    found = dict(
        [
            broken("request.top_n.minimum", {**BODY, "top_n": 1}, 400),
            broken("request.top_n.count", {**BODY, "top_n": 2}, 400),
            broken(MINIMUM, CHUNKS),
            broken(SUPPORTED, CHUNKS),
            broken("error.status.listed", CHUNKS),
        ]
    )
    first, second = causes(NEWEST, found, PLAIN, {})
    assert first.trigger == "every request with max_chunks_per_doc"
    assert (second.trigger, second.root) == ("every request with top_n", "request.top_n.minimum")


def test_what_a_request_is_known_by() -> None:
    strange = Request({"model": BGE, "documents": "a" * 20_000}, credential=Credential.NONE)
    assert set(traits(strange)) == {
        "",
        "without a key",
        f"to {BGE}",
        "whose documents are one string",
        "of more than 1,000 bytes",
        "of more than 10,000 bytes",
    }
    many = Request({**BODY, "documents": ["a"] * 31}, credential=Credential.INVALID)
    assert {
        "with a wrong key",
        "with more than 10 documents",
        "with more than 30 documents",
    } <= set(traits(many))
    assert set(traits(Request(b"{"))) == {"", "whose body is not JSON"}
    assert set(traits(Request(b"null"))) == {""}


def without_overlap(send: Sender, request: Request) -> Answer:
    return answer("boom", 500) if "overlap_tokens" in str(request.body) else send(request)


@pytest.mark.slow
def test_a_report_has_the_causes(judged: Callable[..., Judged]) -> None:
    run = judged("--effort=smoke", instead=without_overlap)
    (cause,) = run.report["causes"]
    assert cause["trigger"] == "every request with overlap_tokens"
    assert cause["root"] == "request.overlap_tokens.supported"
    assert "request.overlap_tokens.minimum" in cause["others"]
    assert "request.overlap_tokens.type" in cause["untried"]
    assert set(cause["untried"]) == run.that("inconclusive")
    assert errors(TABLE_SCHEMAS["report"], run.report) == []
