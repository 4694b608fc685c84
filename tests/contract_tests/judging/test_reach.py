"""What goes beyond small requests: what is sent, and what a target may refuse of it."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from contract_tests.exchanges import NEAR_KEYS, Answer, Credential, Request, is_object
from contract_tests.mutants.operators import Answerer, Sender
from contract_tests.targets import UnreachableError
from tests.contract_tests.exchanging import answer
from tests.contract_tests.judged import Judged

PRINTED = (
    '{ "model": "BAAI/bge-reranker-v2-m3", "query": "Apple", "documents": ["apple", "banana", '
    '"fruit", "vegetable"], "return_documents": true, "top_n": 4 }'
)


def refusing(bad: Callable[[Request], bool]) -> Answerer:
    """Refuse some requests, with a page."""

    def reply(send: Sender, request: Request) -> Answer:
        return answer(b"<html>no</html>", 413, {}) if bad(request) else send(request)

    return reply


def size(request: Request) -> int:
    return len(request.content or b"")


def count(request: Request) -> int:
    body = request.body
    return len(body["documents"]) if is_object(body) and "documents" in body else 0


def test_the_example_of_the_page_goes_out_as_it_is_printed(judged: Callable[..., Judged]) -> None:
    run = judged("--effort=smoke", "-k", "example_of_the_page")
    assert PRINTED.encode() in [request.content for request in run.requests]


@pytest.mark.parametrize("off", [True, False])
def test_near_keys_are_sent_unless_they_are_left_out(
    off: bool, judged: Callable[..., Judged]
) -> None:
    run = judged("--only=authorization.near_key", *(["--no-near-keys"] if off else []))
    sent = [request.credential for request in run.requests]
    assert (set(NEAR_KEYS) <= set(sent)) is not off
    # Each right after the valid key.
    for number, credential in enumerate(sent):
        assert credential is Credential.KEY or sent[number - 1] is Credential.KEY


def test_a_refusal_of_many_documents_is_noted_with_the_numbers(
    judged: Callable[..., Judged],
) -> None:
    capped = refusing(lambda request: count(request) > 64)
    run = judged("--only=request.documents.count", instead=capped)
    assert run.that("failed") == set()
    observed = str(run.row("request.documents.count")["observed"])
    assert "64 are accepted, 65 are refused: status 413" in observed
    assert "101 are refused: status 413" in observed


def test_a_refusal_of_long_documents_is_noted_with_the_numbers(
    judged: Callable[..., Judged],
) -> None:
    capped = refusing(lambda request: size(request) > 80_000)
    run = judged(
        "--only=request.documents.length",
        "--only=request.max_chunks_per_doc.best_chunk",
        instead=capped,
    )
    assert run.that("failed") == set()
    observed = str(run.row("request.documents.length")["observed"])
    assert "8500 characters are accepted, 33000 are refused: status 413" in observed
    best_chunk = run.row("request.max_chunks_per_doc.best_chunk")
    assert best_chunk["outcome"] == "skipped"
    assert "long documents are refused: status 413" in best_chunk["reason"]


def test_a_limit_of_chunks_that_changes_nothing_shows_nothing_of_chunks(
    judged: Callable[..., Judged],
) -> None:
    def unlimited(send: Sender, request: Request) -> Answer:
        body = {name: value for name, value in request.body.items() if name != "max_chunks_per_doc"}
        return send(Request(body, layout=request.layout, credential=request.credential))

    only = "--only=request.max_chunks_per_doc.best_chunk"
    run = judged(only, "-k", "best_chunk", instead=unlimited)
    best_chunk = run.row("request.max_chunks_per_doc.best_chunk")
    assert best_chunk["outcome"] == "skipped"
    assert "does not change the score" in best_chunk["reason"]
    assert run.code == 0


def test_bodies_in_chunks_and_delicate_texts_may_be_refused(judged: Callable[..., Judged]) -> None:
    run = judged(
        "--only=request.body.chunked",
        "--only=request.documents.delicate",
        instead=refusing(lambda request: request.chunked or "\\u0000" in str(request.content)),
    )
    assert run.that("failed") == set()
    assert "status 413" in str(run.row("request.body.chunked")["observed"])
    assert "NUL: status 413" in str(run.row("request.documents.delicate")["observed"])


@pytest.mark.parametrize("status", [501, None])
def test_a_target_need_not_take_a_body_in_chunks(
    judged: Callable[..., Judged], status: int | None
) -> None:
    def reply(send: Sender, request: Request) -> Answer:
        if not request.chunked:
            return send(request)
        if status is None:
            raise UnreachableError("ReadError: cut")
        return answer(b"", status, {})

    run = judged("--effort=standard", "--only=request.body.chunked", instead=reply)
    assert run.that("failed") == set()
    assert run.row("request.body.chunked")["observed"]


def test_an_instruction_that_is_kept_for_the_next_request_fails(
    judged: Callable[..., Judged],
) -> None:
    kept: dict[str, str] = {}

    def sticky(send: Sender, request: Request) -> Answer:
        if not is_object(request.body):
            return send(request)
        if "instruction" in request.body:
            kept["instruction"] = request.body["instruction"]
        takes = str(request.body.get("model")).startswith("Qwen/Qwen3-Reranker")
        return send(replace(request, body={**(kept if takes else {}), **request.body}))

    run = judged("-k", "another_instruction", instead=sticky)
    assert run.that("failed") == {"response.results.own"}


def test_a_trace_id_that_is_taken_from_the_client_fails(judged: Callable[..., Judged]) -> None:
    def echoing(send: Sender, request: Request) -> Answer:
        given = dict(request.headers).get("x-request-id")
        original = send(request)
        headers = {**original.headers, "x-siliconcloud-trace-id": given or ""}
        return replace(original, headers=headers) if given else original

    run = judged("--only=endpoint.headers", instead=echoing)
    assert run.that("failed") == {"response.header.trace_id.unique"}


def test_scores_that_depend_on_top_n_fail(judged: Callable[..., Judged]) -> None:
    def halved(send: Sender, request: Request) -> Answer:
        original = send(request)
        if not is_object(request.body) or request.body.get("top_n") != 1:
            return original
        (best,) = original.json["results"]
        results = [{**best, "relevance_score": best["relevance_score"] / 2}]
        return replace(original, body=json.dumps({**original.json, "results": results}).encode())

    run = judged("-k", "exactly_top_n", instead=halved)
    assert run.that("failed") == {"request.top_n.most_relevant"}


def test_requests_that_are_sent_together_differ_in_one_thing_each(
    judged: Callable[..., Judged],
) -> None:
    run = judged("-k", "answers_that_cross")
    together = [request.body for request in run.requests if "来自" in str(request.body)]
    for field, least in {"query": 3, "documents": 5}.items():
        assert len({str(body[field]) for body in together}) >= least, field
    assert {body.get("top_n") for body in together} == {None, 1, 2, 3}


def test_a_model_that_only_the_fullest_request_reaches_is_judged(
    judged: Callable[..., Judged],
) -> None:
    run = judged("--mutant=drop request model, only without top_n", "-k", "a_valid_request")
    assert "endpoint.rerank" in run.that("failed")
