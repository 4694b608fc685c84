"""The command: exit codes, files, what it prints, and what it never does."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from contract_tests.command.interruption import MEANWHILE
from contract_tests.contract import AnyJson
from tests.contract_tests.conftest import KEY
from tests.contract_tests.echoing import Echo
from tests.contract_tests.judged import command_here
from tests.independent_server import IndependentServer
from tests.schemas.data import TABLE_SCHEMAS, errors

pytestmark = pytest.mark.slow

UNREACHABLE = "--target=http://127.0.0.1:9/v1"
#: Seconds in which even a busy machine ends an interrupted run.
ENOUGH = 120
COMMAND = (str(Path(sys.executable).with_name("rerank-contract")), "check", "--effort=smoke")


def check(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Do what the command does in a folder of its own; return its code, and all that is printed."""
    environment = {"SILICONFLOW_API_KEY": KEY, **environment}
    done = command_here(folder, *COMMAND[1:], *arguments, **environment)
    return done.returncode, done.stdout


def check_apart(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run the command as a process of its own."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "SILICONFLOW_API_KEY": KEY, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout


@contextmanager
def interruptible(folder: Path, *arguments: str) -> Generator[subprocess.Popen[str]]:
    """Start the command as a process that hears Ctrl-C, and does not outlive the test."""
    # Coverage holds a lock of its own now and then; an exception there would leave it locked.
    environment = {n: value for n, value in os.environ.items() if not n.startswith("COVERAGE")}
    # A shell without job control has what it runs in the background ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        judge = subprocess.Popen(
            [*COMMAND, *arguments, "--report-json=report.json"],
            cwd=folder,
            env={**environment, "SILICONFLOW_API_KEY": KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with judge:
        try:
            yield judge
        finally:
            judge.kill()


def report_in(folder: Path) -> AnyJson:
    report = json.loads((folder / "report.json").read_text("utf-8"))
    assert errors(TABLE_SCHEMAS["report"], report) == []
    return report


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "COMMAND"),
        (["check", "--target=ftp://host/v1"], "ftp://host/v1 is neither one of mock, server"),
        (["check", "--target=host/v1"], "nor an http(s) URL"),
        (["check", "--target=http:///v1"], "nor an http(s) URL"),
        (["check", "--target=http://host:port/v1"], "is not a URL: Invalid port: 'port'"),
        (["check", "--target=http://me:secret@host/v1"], "leave the name and password out"),
        (["check", "--target=http://host/v1", "--api-key-env=NOBODY"], "$NOBODY is not set"),
        (["check", "--target=http://host/v1", "--api-key-env=EMPTY"], "$EMPTY is empty: set it to"),
        (["check", "--target=http://host/v1", "--header-env=X-Y=EMPTY"], "$EMPTY is empty: set it"),
        (
            ["check", "--target=http://host/v1", "--api-key-env=BROKEN"],
            "$BROKEN ends with a line break: leave that out",
        ),
        (
            ["check", "--target=http://host/v1", "--second-api-key-env=NOBODY"],
            "$NOBODY is not set: set it to the key of http://host/v1",
        ),
        (["check", "--report-json=no/such/folder/report.json"], "the folder no/such/folder does"),
        (["check", "--report-json=."], "is a folder"),
        (["check", "--junitxml=no/such/folder/junit.xml"], "the folder no/such/folder does"),
        (["check", "--max-requests=0"], "0 is not a positive whole number"),
        (["check", "--max-requests=many"], "many is not a positive whole number"),
        (["check", "--max-cost=cheap"], "cheap is not an amount of money"),
        (["check", "--max-cost=-1"], "-1 is not an amount of money"),
        (["check", "--max-cost=inf"], "inf is not an amount of money"),
        (["check", "--effort=hard"], "invalid choice: 'hard'"),
        (["check", "--effort=standrad"], "did you mean standard?"),
        (
            ["check", "--tagret=mock"],
            "unrecognized arguments: --tagret=mock; did you mean --target?",
        ),
        (["chek"], "did you mean check?"),
        (["check", "--freedom=documnt absent"], "did you mean document absent?"),
        (["check", "--seed=one"], "argument --seed: one is not a whole number"),
        (["selftest", "--seed=one"], "argument --seed: one is not a whole number"),
        (["selftest", "--jobs=0"], "argument --jobs: 0 is not a positive whole number"),
        (["selftest", "--combinations=-1"], "-1 is not a whole number from 0 on"),
        (["selftest", "--name=needs no ky"], "did you mean needs no key?"),
        (["selftest", "--name=nobody"], "the kill table in the documentation has all of them"),
        (["client", "--port=x", "--", "true"], "x is not a port: a number from 0 to 65535"),
        (["check", "--only=request.topn"], "did you mean request.top_n"),
        (["check", "--only=xyzzy"], "no requirement is called xyzzy"),
        (["check", "--github"], "$GITHUB_STEP_SUMMARY: the folder /no/such does not exist"),
        (["check", "--mutant=nobody"], "no mutant is called nobody"),
    ],
)
def test_bad_usage_is_one_clear_error(
    arguments: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SILICONFLOW_API_KEY", KEY)
    monkeypatch.setenv("BROKEN", f"{KEY}\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/no/such/summary.md")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("NOBODY", raising=False)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert KEY not in printed.err
    assert printed.out == ""


FLAWS = {
    "sk-\u00e4": "has a character that is not ASCII",
    "sk key\n": "ends with a line break",
    "sk-key\r": "ends with a carriage return",
    "\ufeffsk-key": "begins with a byte order mark",
    " sk": "begins or ends with a space",
    "\x7f": "has a line break in it, or another character that does not print",
    "Bearer sk-key": "begins with Bearer, which is sent before the key anyway",
}


@pytest.mark.parametrize(("key", "flaw"), FLAWS.items())
def test_a_key_that_no_header_carries_is_refused_and_not_told(
    key: str, flaw: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILICONFLOW_API_KEY", key)
    with pytest.raises(SystemExit):
        main(["check", UNREACHABLE])
    said = capsys.readouterr().err
    assert flaw in said
    assert key not in said


def test_a_conforming_target_ends_with_0_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with IndependentServer(KEY) as server:
        target = f"--target={server.base_url}"
        code, printed = check_apart(tmp_path, target, "--report-json=report.json")
        assert (code, report_in(tmp_path)["verdict"]) == (0, "conforms"), printed
        assert report_in(tmp_path)["target"] == server.base_url
    assert printed.splitlines()[-1].startswith("conforms: ")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_differences_fail_where_they_are_meant_to(tmp_path: Path) -> None:
    only = ("--only=response.id", "--report-json=report.json")
    with IndependentServer(KEY) as server:
        target = f"--target={server.base_url}"
        assert check(tmp_path, target, *only)[0] == 0
        code, printed = check(tmp_path, target, *only, "--strict")
    assert (code, report_in(tmp_path)["verdict"]) == (1, "violates")
    assert "FAILED response.id.format (observed" in printed


def test_a_violation_ends_with_1_and_is_told_in_every_form(tmp_path: Path) -> None:
    files = ("--report-json=report.json", "--junitxml=junit.xml")
    code, printed = check(tmp_path, *files, "--mutant=returns one result too few")
    assert code == 1
    (row,) = [row for row in report_in(tmp_path)["requirements"] if row["outcome"] == "failed"]
    assert row["id"] == "request.top_n.count"
    assert row["violations"]
    assert "FAILED request.top_n.count (spec; Body, top_n)" in printed
    assert "request.top_n.count" in (tmp_path / "junit.xml").read_text("utf-8")


def test_a_spent_budget_is_inconclusive(tmp_path: Path) -> None:
    code, printed = check(tmp_path, "--max-requests=5", "--report-json=report.json")
    report = report_in(tmp_path)
    assert (code, report["verdict"], report["requests_sent"]) == (3, "inconclusive", 5)
    assert "the budget of 5 requests is spent" in printed


def test_a_target_that_cannot_be_reached_is_inconclusive(tmp_path: Path) -> None:
    code, printed = check(tmp_path, UNREACHABLE, "--report-json=report.json")
    assert (code, report_in(tmp_path)["verdict"]) == (3, "inconclusive")
    assert "no answer from http://127.0.0.1:9/v1: ConnectError" in printed


def test_the_mock_is_not_taken_for_the_real_service(tmp_path: Path) -> None:
    code, printed = check(tmp_path, "--only=request.top_n.count", "--report-json=report.json")
    assert code == 0
    assert report_in(tmp_path)["target"] == "mock"
    assert "siliconflow.cn" not in printed + (tmp_path / "report.json").read_text("utf-8")


def test_the_callers_own_pytest_does_not_interfere(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise SystemExit('a conftest of the caller')\n")
    theirs = {"PYTEST_ADDOPTS": "--no-such-option", "PYTEST_PLUGINS": "no_such_plugin"}
    code, printed = check_apart(
        tmp_path, "--only=request.top_n", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", **theirs
    )
    assert code == 0, printed


def test_money_and_tokens_are_not_spent_beyond_their_limits(tmp_path: Path) -> None:
    only = ("--only=request.top_n", "--model=Qwen/Qwen3-Reranker-8B", "--report-json=report.json")
    for limit in ("--max-tokens=75", "--max-cost=0.00002"):
        code, printed = check(tmp_path, *only, limit)
        report = report_in(tmp_path)
        assert (code, report["verdict"]) == (3, "inconclusive"), printed
        assert 0 < report["tokens"] <= 75
        assert 0 < float(report["cost"]) <= 0.00002
        told = [row["reason"] for row in report["requirements"] if row["reason"]]
        assert any("a request may need" in reason for reason in told)


def test_the_summary_of_a_step_is_added_to(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    code, printed = check(
        tmp_path, "--github", "--only=request.top_n.count", GITHUB_STEP_SUMMARY=str(summary)
    )
    assert code == 0
    assert "::notice title=rerank-contract::conforms" in printed
    assert summary.read_text("utf-8").startswith("before\n")
    assert "conforms" in summary.read_text("utf-8").lower()


def test_the_command_restores_what_it_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-v")
    monkeypatch.delenv("PYTEST_PLUGINS", raising=False)
    monkeypatch.setenv("SILICONFLOW_API_KEY", KEY)
    # pytest itself takes that one away.
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    before = dict(os.environ)
    assert main(["check", "--effort=smoke", UNREACHABLE, "--only=request.top_n"]) == 3
    assert dict(os.environ) == before


def test_the_key_is_in_nothing_that_is_printed_or_written(tmp_path: Path) -> None:
    files = [
        f"--{name}={tmp_path / name}"
        for name in (
            *("report-json", "report-html", "report-markdown", "report-sarif"),
            *("badge-svg", "badge-json", "junitxml"),
        )
    ]
    with Echo() as server:
        _, printed = check(tmp_path, f"--target={server.base_url}", "--github", *files)
    assert "error.key_hidden" in printed
    assert KEY not in printed
    written = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert len(written) == len(files)
    assert not [name for name, text in written.items() if KEY in text]


def test_an_interrupted_run_tells_what_it_has_found(tmp_path: Path) -> None:
    with (
        Echo(seconds=0.1) as server,
        interruptible(tmp_path, f"--target={server.base_url}") as judge,
    ):
        while server.requests < 5:
            assert judge.poll() is None
            time.sleep(0.01)
        judge.send_signal(signal.SIGINT)
        printed, _ = judge.communicate(timeout=ENOUGH)
    report = report_in(tmp_path)
    assert judge.returncode in (1, 3), printed
    assert report["requests_sent"] >= 5
    assert "Traceback" not in printed
    assert "KeyboardInterrupt" not in printed
    assert MEANWHILE in printed.splitlines()[-1]


def test_an_interrupted_run_in_which_nothing_was_wrong_is_inconclusive(tmp_path: Path) -> None:
    with (
        IndependentServer(KEY) as server,
        interruptible(tmp_path, f"--target={server.base_url}", "--max-rpm=60") as judge,
    ):
        assert judge.stdout
        # The plan is told before the first request; each waits a second for the next.
        while "plan:" not in (line := judge.stdout.readline()):
            assert line
        judge.send_signal(signal.SIGINT)
        printed, _ = judge.communicate(timeout=ENOUGH)
    assert judge.returncode == 3, printed
    assert report_in(tmp_path)["verdict"] == "inconclusive"


def test_the_service_is_never_asked_for_more_than_was_allowed(tmp_path: Path) -> None:
    with Echo() as server:
        check(tmp_path, f"--target={server.base_url}", "--max-requests=7")
        assert server.requests == 7


def test_proxies_of_the_environment_are_not_used(tmp_path: Path) -> None:
    with IndependentServer(KEY) as server:
        only = (f"--target={server.base_url}", "--only=request.top_n.count")
        assert check(tmp_path, *only, http_proxy="http://127.0.0.1:9")[0] == 0


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"rerank-contract {version('rerank-contract')}\n"


@pytest.mark.parametrize("lines", [1, 5])
def test_a_run_whose_output_nobody_reads_to_its_end_comes_to_its_verdict(
    lines: int, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [*COMMAND, "--only=request.top_n", "--report-json=report.json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        for _ in range(lines):
            process.stdout.readline()
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == ("", 0)
    assert report_in(tmp_path)["verdict"] == "conforms"
