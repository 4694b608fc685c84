"""What a target declares must hold; what it does not declare is skipped."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from contract_tests.capabilities import (
    Capabilities,
    CapabilitiesError,
    read_capabilities,
    with_names,
)
from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Request, is_array, member
from contract_tests.mutants.operators import Answerer, Sender
from contract_tests.strategies import Strategies
from tests.contract_tests.judged import Judged
from tests.contract_tests.newest import NEWEST
from tests.schemas.data import TABLE_SCHEMAS, errors

BGE, QWEN = "BAAI/bge-reranker-v2-m3", "Qwen/Qwen3-Reranker-8B"
DECLARED: AnyJson = {
    "models": [f"rerank-1={BGE}"],
    "forms": ["classic"],
    "fields": ["top_n", "return_documents"],
    "sizes": {"documents": 4, "characters": 100},
}


def renaming(page: str) -> Answerer:
    """Let the target know a model of the page as rerank-1."""

    def answer(send: Sender, request: Request) -> Answer:
        content = (request.content or b"").replace(b"rerank-1", page.encode())
        return send(replace(request, body=content or None))

    return answer


def cut_down(send: Sender, request: Request) -> Answer:
    """Serve no other model, and take nothing that is not declared."""
    documents = member(request.body, "documents")
    assert not is_array(documents) or len(documents) <= 4
    for name in ("instruction", "overlap_tokens", "max_chunks_per_doc"):
        assert member(request.body, name) is None
    return renaming(BGE)(send, request)


def file_of(folder: Path, content: AnyJson) -> Path:
    path = folder / "capabilities.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_the_schema_allows_what_is_declared_here() -> None:
    assert errors(TABLE_SCHEMAS["capabilities"], DECLARED) == []


@pytest.mark.slow
def test_what_is_declared_holds_and_the_rest_is_skipped(
    judged: Callable[..., Judged], tmp_path: Path
) -> None:
    path = file_of(tmp_path, DECLARED)
    run = judged("--effort=standard", f"--capabilities={path}", instead=cut_down)
    assert run.that("failed") | run.that("inconclusive") | run.that("broken") == set()
    skipped = run.that("skipped")
    assert {"request.instruction.type", "request.multimodal.text"} <= skipped
    assert run.row("request.overlap_tokens.gated")["reason"] == (
        "the target does not declare the field overlap_tokens"
    )
    assert {"request.top_n.count", "request.return_documents.true"} <= run.that("passed")
    assert BGE not in [member(request.body, "model") for request in run.requests]


@pytest.mark.slow
@pytest.mark.parametrize(("documents", "failed"), [(200, {"endpoint.rerank"}), (20, set[str]())])
def test_a_size_that_is_declared_must_hold(
    documents: int, failed: set[str], judged: Callable[..., Judged], tmp_path: Path
) -> None:
    def refuse_many(send: Sender, request: Request) -> Answer:
        sent = member(request.body, "documents")
        answer = send(request)
        too_many = is_array(sent) and len(sent) > 20
        return replace(answer, status=413, body=b'"too large"') if too_many else answer

    path = file_of(tmp_path, {"sizes": {"documents": documents}})
    run = judged("--effort=smoke", f"--capabilities={path}", instead=refuse_many)
    assert run.that("failed") == failed


@pytest.mark.slow
def test_a_model_that_is_declared_and_not_served_fails(
    judged: Callable[..., Judged], tmp_path: Path
) -> None:
    path = file_of(tmp_path, {"models": [f"rerank-2={BGE}"]})
    run = judged("--effort=smoke", f"--capabilities={path}")
    assert (run.code, run.verdict) == (1, "violates")
    assert run.that("failed") == {"endpoint.rerank"}


@pytest.mark.slow
@pytest.mark.parametrize(("page", "field"), [(BGE, "overlap_tokens"), (QWEN, "instruction")])
def test_a_model_with_another_name_is_judged_as_that_of_the_page(
    page: str, field: str, judged: Callable[..., Judged]
) -> None:
    run = judged(
        "--effort=smoke", "--max-requests=400", f"--model=rerank-1={page}", instead=renaming(page)
    )
    assert run.that("failed") | run.that("inconclusive") | run.that("broken") == set()
    assert f"request.{field}.supported" in run.that("passed")
    assert [row["id"] for row in run.report["models"]] == ["rerank-1"]
    assert float(run.report["cost"]) > 0 or page == BGE


def test_a_name_costs_what_its_model_costs() -> None:
    named = with_names(NEWEST, [f"rerank-1={QWEN}"])
    assert named.model_named("rerank-1") == replace(NEWEST.models[QWEN], id="rerank-1")
    assert named.model_named(f"rerank-1={QWEN}") == named.model_named("rerank-1")


def test_a_field_that_is_not_declared_is_neither_drawn_nor_stated() -> None:
    cut = Capabilities(fields=("top_n",), forms=("classic",)).cut(NEWEST)
    assert cut.forms == ("classic",)
    assert Strategies(cut).optional(cut.models[BGE]) == ("top_n",)
    assert not [place for place in cut.stated_by if "overlap_tokens" in place]
    assert cut.requirements.keys() == NEWEST.requirements.keys()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"documents": ["a"] * 5}, "at most 4 documents"),
        ({"documents": ["a" * 101]}, "at most 100 characters"),
        ({"documents": "a" * 101}, "at most 100 characters"),
        ({"query": "a" * 101}, "at most 100 characters"),
        ({"query": "a" * 100, "documents": ["a"] * 4}, None),
        (b"{", None),
        (None, None),
    ],
)
def test_larger_requests_than_declared_are_known(sent: AnyJson, reason: str | None) -> None:
    said = Capabilities(sizes=DECLARED["sizes"]).too_large(Request(sent))
    assert said is None if reason is None else said and reason in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[" * 100_000, "is nested too deeply"),
        ("{", "is not JSON"),
        ({"model": []}, "there is no model; did you mean models?"),
        ({"sizes": {"documents": 0}}, "sizes.documents: 0 is less than the minimum of 4"),
        ({"forms": ["clasic"]}, "there is no form clasic; did you mean classic?"),
        ({"fields": ["topn"]}, "there is no field topn; did you mean top_n?"),
        ({"models": ["mine"]}, f"the page has no model mine; known are {BGE}, "),
        ({"models": ["mine=mine"]}, f"the page has no model mine; known are {BGE}, "),
        ({"models": ["mine=BAAI/bge-reranker-v2-m4"]}, f"did you mean {BGE}?"),
    ],
)
def test_a_mistake_in_the_file_is_told_in_one_sentence(
    content: AnyJson, said: str, tmp_path: Path
) -> None:
    with pytest.raises(CapabilitiesError) as caught:
        read_capabilities(file_of(tmp_path, content), NEWEST)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


LONG = "x" * 900_000


@pytest.mark.parametrize(
    "content",
    [{"models": [LONG]}, {"models": [f"a={LONG}"]}, {"fields": [LONG]}, {LONG: 1}, [LONG], LONG],
    ids=["model", "page name", "field", "member", "type", "no JSON"],
)
def test_a_long_text_is_not_repeated_in_full(content: AnyJson, tmp_path: Path) -> None:
    with pytest.raises(CapabilitiesError) as caught:
        read_capabilities(file_of(tmp_path, content), NEWEST)
    assert len(str(caught.value)) < 600 + len(str(tmp_path))


@pytest.mark.parametrize("name", ["/dev/zero", None])
def test_no_more_is_read_than_anybody_would_write(name: str | None, tmp_path: Path) -> None:
    path = Path(name) if name else file_of(tmp_path, [LONG, LONG])
    with pytest.raises(CapabilitiesError, match="is longer than 1 MB"):
        read_capabilities(path, NEWEST)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "capabilities.json"
    path.write_text(json.dumps({"forms": ["classic"]}), "utf-8-sig")
    assert read_capabilities(path, NEWEST).forms == ("classic",)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CapabilitiesError, match="cannot be read"):
        read_capabilities(tmp_path / "none.json", NEWEST)
