"""A target that ranks nothing is told so by name, and is not asked for the rest."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from contract_tests.exchanges import Answer, Request, member
from contract_tests.mutants.operators import Answerer, Sender
from tests.contract_tests.judged import Judged
from tests.contract_tests.newest import NEWEST
from tests.schemas.data import TABLE_SCHEMAS, Json, errors

pytestmark = pytest.mark.slow

BGE = "BAAI/bge-reranker-v2-m3"
#: Most requests that each model may cost: whether it is served, the proof, and the proof again.
ENOUGH = {500: 6, 400: 5, 200: 3}


def always(status: int, body: bytes) -> Answerer:
    return lambda send, request: replace(send(request), status=status, body=body)


def in_dialect(change: Callable[[Json], Json]) -> Answerer:
    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        if original.status != 200:
            return original
        return replace(original, body=json.dumps(change(original.json)).encode())

    return answer


#: What the target does -> how, with which status, and what is named as broken.
USELESS: dict[str, tuple[Answerer, int, str]] = {
    "fails": (always(500, b'{"message": "boom"}'), 500, "endpoint.rerank"),
    "refuses": (always(400, b'{"message": "no"}'), 400, "endpoint.rerank"),
    "answers text": (always(200, b"ok"), 200, "response.body.json"),
    "hides errors": (always(200, b'{"code": 1, "data": null}'), 200, "response.results.required"),
    "bare array": (in_dialect(lambda body: body["results"]), 200, "response.body.type"),
    "data": (
        in_dialect(lambda body: {"id": body["id"], "data": body["results"]}),
        200,
        "response.results.required",
    ),
}


@pytest.mark.parametrize("name", USELESS)
def test_a_target_that_ranks_nothing_is_told_so_and_left_alone(
    name: str, judged: Callable[..., Judged]
) -> None:
    instead, status, broken = USELESS[name]
    run = judged("--effort=standard", instead=instead)
    assert (run.code, run.verdict) == (1, "violates")
    assert broken in run.that("failed")
    assert len(run.requests) <= ENOUGH[status] * len(NEWEST.online())
    reason = run.row("request.top_n.count")["reason"]
    assert f"it needs {BGE} to rank a plain request, and the target breaks" in reason
    assert broken in reason
    assert run.row("request.top_n.minimum")["outcome"] == "inconclusive"
    assert errors(TABLE_SCHEMAS["report"], run.report) == []


def test_a_target_that_answers_with_no_results_breaks_what_top_n_promises(
    judged: Callable[..., Judged],
) -> None:
    run = judged("--effort=smoke", instead=in_dialect(lambda body: {**body, "results": []}))
    assert (run.code, run.verdict) == (1, "violates")
    assert run.that("failed") == {"request.top_n.count"}
    reason = run.row("request.top_n.minimum")["reason"]
    assert "the target breaks response.results.complete" in reason


def test_what_another_model_shows_is_not_lost(judged: Callable[..., Judged]) -> None:
    def without_bge(send: Sender, request: Request) -> Answer:
        original = send(request)
        wrong = member(request.body, "model") == BGE
        return replace(original, status=400, body=b'"no"') if wrong else original

    run = judged("--effort=smoke", instead=without_bge)
    assert run.that("failed") == {"endpoint.rerank"}
    assert "request.instruction.supported" in run.that("passed")
    assert "request.overlap_tokens.supported" in run.that("inconclusive")


def test_a_first_answer_that_goes_wrong_once_ends_nothing(judged: Callable[..., Judged]) -> None:
    asked: list[Request] = []

    def answer(send: Sender, request: Request) -> Answer:
        asked.append(request)
        original = send(request)
        return replace(original, body=b"{}") if len(asked) == 1 else original

    run = judged("--effort=smoke", instead=answer)
    assert (run.code, run.verdict) == (0, "conforms")


def test_a_target_that_takes_strings_alone_is_told_that(judged: Callable[..., Judged]) -> None:
    run = judged("--effort=smoke", "--mutant=refuses arrays")
    assert run.that("failed") == {"request.documents.array"}


def test_a_target_that_stays_busy_is_waited_for_once_for_each_model(
    judged: Callable[..., Judged],
) -> None:
    run = judged("--effort=smoke", instead=always(429, b'{"message": "later"}'))
    assert (run.code, run.verdict) == (3, "inconclusive")
    assert sum(run.slept) <= 63 * len(NEWEST.representatives())
    assert len(run.requests) <= 7 * len(NEWEST.representatives())
    assert "still busy" in run.row("request.top_n.count")["reason"]
