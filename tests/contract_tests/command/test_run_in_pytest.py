"""The room under plain pytest: selections, several processes, and what the exit code says."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from contract_tests.exchanges import Answer, Request, member
from contract_tests.mutants.operators import Sender
from tests.contract_tests.conftest import KEY
from tests.contract_tests.judged import ROOT, Judged
from tests.independent_server import IndependentServer
from tests.schemas.data import TABLE_SCHEMAS, Json, errors

pytestmark = pytest.mark.slow

BGE, QWEN = "BAAI/bge-reranker-v2-m3", "Qwen/Qwen3-Reranker-8B"


def pytest_on_the_room(*arguments: str) -> tuple[int, str]:
    """Run pytest as a user of the checkout does."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "contract_tests", "-q", "--effort=smoke", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 0, "passed"),
        (("--mutant=sorts by rising score",), 1, "FAILED response.results.sorted"),
        (("--target=http://127.0.0.1:9/v1",), 3, "inconclusive: no answer from http://127"),
    ],
    ids=["conforms", "violates", "inconclusive"],
)
def test_several_processes_come_to_the_same_verdict(
    arguments: tuple[str, ...], code: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILICONFLOW_API_KEY", KEY)
    returned, printed = pytest_on_the_room("-n", "2", "-p", "no:cacheprovider", *arguments)
    assert returned == code, printed
    assert told in printed


def test_several_processes_keep_limits_together_and_write_reports(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    code, printed = pytest_on_the_room("-n", "2", "--max-requests=5", f"--report-json={path}")
    assert code == 3, printed
    assert "plan: about 5 requests" in printed
    assert json.loads(path.read_text("utf-8"))["requests_sent"] == 5


def test_a_run_that_was_stopped_by_its_first_failure_tells_what_it_found(
    judged: Callable[..., Judged],
) -> None:
    run = judged("--effort=smoke", "-x", "--mutant=has no id", "-k", "test_response")
    assert (run.code, run.verdict) == (1, "violates")
    assert run.that("failed") == {"response.id.required"}


def test_a_part_of_the_room_can_be_run_alone(judged: Callable[..., Judged]) -> None:
    run = judged("--effort=smoke", "-k", "test_top_n")
    assert run.code == 0
    assert "request.top_n.count" in run.that("passed")
    assert "request.multimodal.text" in run.that("off")
    assert errors(TABLE_SCHEMAS["report"], run.report) == []


def test_what_failed_last_can_be_run_again(tmp_path: Path) -> None:
    again = ("-k", "test_top_n or test_response", "-o", f"cache_dir={tmp_path}")
    code, printed = pytest_on_the_room("--mutant=has no id", *again)
    assert code == 1, printed
    code, printed = pytest_on_the_room("--lf", *again)
    assert code == 0
    assert "1 passed" in printed


@pytest.mark.parametrize("arguments", [["-k", "no_such_test"], ["--collect-only"]])
def test_a_run_without_tests_judges_nothing(
    arguments: list[str], judged: Callable[..., Judged]
) -> None:
    run = judged("--effort=smoke", *arguments)
    assert not run.requests
    assert run.report == {} or run.verdict == "inconclusive"


def broken(send: Sender, request: Request) -> Answer:
    if "top_n" in str(request.body):
        raise ZeroDivisionError("of the suite")
    return send(request)


def test_a_fault_of_the_suite_is_broken_and_never_a_violation(
    judged: Callable[..., Judged],
) -> None:
    run = judged("--effort=smoke", instead=broken)
    assert (run.code, run.verdict) == (4, "broken")
    assert "request.top_n.count" in run.that("broken")
    assert run.row("request.top_n.count")["reason"].startswith("ZeroDivisionError in test_")
    assert run.that("failed") == set()
    assert errors(TABLE_SCHEMAS["report"], run.report) == []


def test_a_report_of_what_is_broken_and_violated_at_once_is_valid(
    judged: Callable[..., Judged],
) -> None:
    def both(send: Sender, request: Request) -> Answer:
        return replace(broken(send, request), headers={})

    run = judged("--effort=smoke", instead=both)
    assert (run.code, run.verdict) == (4, "broken")
    assert errors(TABLE_SCHEMAS["report"], run.report) == []


class Unreadable:
    """A plugin that lets one module of the room fail when it is read."""

    def pytest_pycollect_makeitem(self, name: str) -> None:
        if name == "test_an_array_of_strings_is_accepted":
            raise ZeroDivisionError("at collection")


def test_a_room_that_cannot_be_read_is_broken(judged: Callable[..., Judged]) -> None:
    run = judged("--effort=smoke", plugins=[Unreadable()])
    assert (run.code, run.verdict) == (4, "broken")
    assert "test_documents.py could not be read" in run.report["fault"]
    assert run.that("broken") == set()


def renamed(send: Sender, request: Request) -> Answer:
    """Serve a model that the page does not name."""
    if member(request.body, "model") == "someone/else":
        request = replace(request, body={**request.body, "model": BGE})
    return send(request)


def test_a_model_that_the_page_does_not_name_can_be_judged(judged: Callable[..., Judged]) -> None:
    run = judged("--effort=smoke", "--model=someone/else", instead=renamed)
    assert (run.code, run.verdict) == (0, "conforms")
    assert "request.instruction.gated" in run.that("skipped")
    assert "request.top_n.count" in run.that("passed")


@pytest.mark.parametrize("effort", ["smoke", "standard"])
def test_a_target_that_serves_none_of_the_models_has_shown_nothing(
    effort: str, judged: Callable[..., Judged]
) -> None:
    with IndependentServer(KEY, only_model=BGE) as server:
        run = judged(f"--effort={effort}", f"--model={QWEN}", f"--target={server.base_url}")
    assert (run.code, run.verdict) == (3, "inconclusive")
    assert run.that("passed") == set()
    assert errors(TABLE_SCHEMAS["report"], run.report) == []


def refusing_money(send: Sender, request: Request) -> Answer:
    answer = send(request)
    if answer.status == 200 and "top_n" in request.body:
        poor = b'{"code":30001,"message":"Sorry, your account balance is insufficient"}'
        return replace(answer, status=403, body=poor)
    return answer


def test_an_account_that_runs_out_of_money_is_not_held_against_the_target(
    judged: Callable[..., Judged],
) -> None:
    run = judged("--effort=smoke", instead=refusing_money)
    assert (run.code, run.verdict) == (3, "inconclusive")
    assert run.that("failed") == set()


#: Bodies of answers that are of no use to anybody.
RUBBISH = (
    b"",
    b"[]",
    b"null",
    b"[" * 100_000,
    bytes(range(256)),
    b'{"id": 1e999, "results": [{"index": 1e999, "relevance_score": 1e999}]}',
    b'{"id": "\\ud800", "results": [{"index": 0, "relevance_score": -1e999}], "meta": 1}',
)


@pytest.mark.parametrize("status", [200, 400, 500])
def test_no_answer_breaks_the_suite(status: int, judged: Callable[..., Judged]) -> None:
    rubbish = itertools.cycle(RUBBISH)

    def throw(send: Sender, request: Request) -> Answer:
        return replace(send(request), status=status, body=next(rubbish))

    run = judged("--effort=smoke", instead=throw)
    assert (run.code, run.verdict) == (1, "violates")
    assert run.that("broken") == set()
    assert errors(TABLE_SCHEMAS["report"], run.report) == []


def with_points(send: Sender, request: Request) -> Answer:
    """Write whole numbers as a language without integers does."""
    original = send(request)
    body: Json = original.json
    if original.status != 200:
        return original
    for result in body["results"]:
        result["index"] = float(result["index"])
    return replace(original, body=json.dumps(body).encode())


def test_an_index_of_1_0_is_an_integer(judged: Callable[..., Judged]) -> None:
    run = judged("--effort=smoke", instead=with_points)
    assert run.that("failed") | run.that("inconclusive") == set()
    assert run.code == 0


def test_headers_of_the_options_reach_the_target_and_their_secrets_no_report(
    judged: Callable[..., Judged], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY", "the secret of the gateway")
    with IndependentServer(KEY) as server:
        run = judged(
            *("--effort=smoke", "-k", "test_top_n", f"--target={server.base_url}"),
            *("--header=X-Tenant: search", "--header-env=X-Gateway=GATEWAY"),
            *("--request-timeout=30", "--wait=1", "--mutant=ignores top_n"),
        )
    assert {request.headers for request in run.requests} == {
        (("X-Tenant", "search"), ("X-Gateway", "$GATEWAY"))
    }
    assert run.code == 1
    violations = [found for row in run.report["requirements"] for found in row["violations"]]
    assert "-H 'X-Tenant: search' -H \"X-Gateway: $GATEWAY\"" in violations[0]["curl"]
    assert "--header-env=X-Gateway=GATEWAY" in violations[0]["again"]
    assert "the secret" not in json.dumps(run.report)
