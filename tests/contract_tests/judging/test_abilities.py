"""What a target cannot take is held against the requirement that it breaks, and no other."""

import contextlib
from collections.abc import Callable

import pytest

from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Request, is_object, member
from contract_tests.judging.abilities import COUNT, ENDPOINT, LENGTH
from contract_tests.judging.judge import Judge, PrerequisiteError, ViolatedError
from contract_tests.judging.outcomes import Outcome
from contract_tests.mutants.operators import Answerer, Sender
from tests.contract_tests.exchanging import BGE, Scripted, answer, honest, new_run, spoilt
from tests.contract_tests.judged import Judged
from tests.contract_tests.newest import MODELS, STRATEGIES

MODEL = MODELS[BGE]
PLAIN = STRATEGIES.plainest(MODEL)
FIELDS = {"top_n": 1, "return_documents": True, "max_chunks_per_doc": 2, "overlap_tokens": 3}


def refusing(wrong: Callable[[AnyJson], object], status: int = 400) -> Scripted:
    return spoilt(
        lambda request, conforming: answer("no", status) if wrong(request.body) else conforming
    )


def found(target: Scripted, requirement: str, body: AnyJson) -> tuple[set[str], Judge]:
    """What is accused where a body is sent that must be accepted for ``requirement``."""
    run, _ = new_run(examples=1)
    one = Judge(run, target, "a test", frozenset({requirement}))
    with contextlib.suppress(PrerequisiteError, ViolatedError):
        one.examine_once(lambda: one.accepts(requirement, body))
    failed = {name for name in run.ledger.violations if run.ledger.outcome(name) is Outcome.FAILED}
    return failed, one


@pytest.mark.parametrize(
    ("field", "accused"),
    [
        ("top_n", "request.top_n.minimum"),
        ("return_documents", "request.return_documents.true"),
        ("max_chunks_per_doc", "request.max_chunks_per_doc.supported"),
        ("overlap_tokens", "request.overlap_tokens.supported"),
    ],
)
def test_a_field_that_is_refused_is_accused_and_not_what_the_test_was_after(
    field: str, accused: str
) -> None:
    target = refusing(lambda body: field in body)
    names, one = found(target, "request.query.minLength", {**PLAIN, **FIELDS, "query": "a"})
    assert names == {accused}
    (violation,) = one.run.ledger.worst(accused)
    assert violation.exchanges[-1].request.body == {**PLAIN, field: FIELDS[field]}
    assert one.run.ledger.outcome("request.query.minLength") is not Outcome.FAILED


def test_what_the_test_is_after_is_accused_where_it_is_refused_alone() -> None:
    target = refusing(lambda body: body.get("overlap_tokens") == 80)
    body = {**PLAIN, **FIELDS, "overlap_tokens": 80}
    assert found(target, "request.overlap_tokens.maximum", body)[0] == {
        "request.overlap_tokens.maximum"
    }


def test_a_combination_is_held_against_the_endpoint() -> None:
    target = refusing(lambda body: {"top_n", "overlap_tokens"} <= body.keys())
    body = {**PLAIN, **FIELDS}
    assert found(target, "request.overlap_tokens.maximum", body)[0] == {ENDPOINT}


def is_long(body: AnyJson) -> bool:
    return len(str(body)) > 1024


def is_many(body: AnyJson) -> bool:
    return len(body["documents"]) > 10


@pytest.mark.parametrize(
    ("limit", "changed", "wrong"),
    [
        (LENGTH, {"documents": ["a" * 2000, "b"]}, is_long),
        (COUNT, {"documents": [f"b {n}" for n in range(20)]}, is_many),
    ],
)
def test_a_limit_is_noted_and_accuses_nothing(
    limit: str, changed: AnyJson, wrong: Callable[[AnyJson], object]
) -> None:
    body = {**PLAIN, "overlap_tokens": 80, **changed}
    names, one = found(refusing(wrong, 413), "request.overlap_tokens.maximum", body)
    assert names == set()
    assert one.run.abilities.limits == {limit}
    (note,) = one.run.ledger.observed[limit]
    assert note.endswith('are refused: status 413, "no"')


def test_a_failure_at_length_is_no_limit() -> None:
    target = refusing(is_long, 500)
    names, _ = found(target, ENDPOINT, {**PLAIN, "documents": ["a" * 2000, "b"]})
    assert ENDPOINT in names


def test_what_is_refused_is_drawn_no_more_unless_it_is_pinned() -> None:
    run, _ = new_run()
    run.abilities.explore(refusing(lambda body: "top_n" in body), MODEL)
    drawn = run.abilities.drawn
    assert "top_n" not in drawn.optional(MODEL)
    assert {str(bound) for bound in drawn.bounds(MODEL)} == {
        str(bound) for bound in STRATEGIES.bounds(MODEL)
    }
    assert run.ledger.violations == {}


def test_a_target_that_takes_everything_is_asked_once() -> None:
    run, _ = new_run()
    target = honest()
    for _ in range(2):
        run.abilities.explore(target, MODEL)
    assert len(target.asked) == 1
    assert target.bodies[0].keys() >= {*STRATEGIES.optional(MODEL)}
    assert run.abilities.drawn.optional(MODEL) == STRATEGIES.optional(MODEL)


def test_what_is_drawn_stays_the_same_for_a_test() -> None:
    run, _ = new_run()
    one = Judge(run, honest(), "a test", frozenset())
    before = one.draw
    run.abilities.refused.add((BGE, "top_n"))
    assert one.draw is before
    assert "top_n" not in Judge(run, honest(), "another", frozenset()).draw.optional(MODEL)


def without(field: str, status: int) -> Answerer:
    def instead(send: Sender, request: Request) -> Answer:
        body = request.body
        if is_object(body) and field in body:
            return answer({"message": f"unexpected argument {field}"}, status)
        return send(request)

    return instead


@pytest.mark.slow
@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("field", ["max_chunks_per_doc", "return_documents", "instruction"])
def test_a_gateway_that_refuses_one_field_is_accused_of_that_field_alone(
    field: str, status: int, judged: Callable[..., Judged]
) -> None:
    run = judged("--effort=standard", instead=without(field, status))
    about = {name for name in run.that("failed") if name.startswith(f"request.{field}.")}
    assert about
    assert run.that("failed") - about <= {"error.status.listed"}
    cause = run.report["causes"][0]
    assert cause["trigger"] == f"every request with {field}"
    assert cause["root"].startswith(f"request.{field}.")
    assert about <= {cause["root"], *cause["others"]}


@pytest.mark.slow
def test_a_gateway_with_a_limit_of_1_kb_conforms(judged: Callable[..., Judged]) -> None:
    def instead(send: Sender, request: Request) -> Answer:
        too_long = len(request.content or b"") > 1024
        return answer({"message": "too large"}, 413) if too_long else send(request)

    run = judged("--effort=standard", instead=instead)
    assert run.that("failed") | run.that("inconclusive") == set()
    assert member(run.row("endpoint.rerank"), "outcome") == "passed"
