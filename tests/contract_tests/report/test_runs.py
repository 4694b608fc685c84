"""Whole runs, from the command line to the files that it leaves."""

import json
import sys
from pathlib import Path
from subprocess import CompletedProcess
from xml.etree import ElementTree

import pytest

from contract_tests.judging.outcomes import EXIT_CODES, Verdict
from contract_tests.report.writers import WRITERS
from tests.contract_tests.judged import command_here

from . import samples
from .serving import KEY, answering, run

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("rerank-contract"))
USAGE = 2


def check(folder: Path, *options: str, **environment: str) -> "CompletedProcess[str]":
    environment = {"SILICONFLOW_API_KEY": KEY, **environment}
    return command_here(folder, "check", "--effort=smoke", *options, **environment)


def left_in(folder: Path) -> dict[str, str]:
    """The files that a run has left, with their content; Hypothesis keeps its own apart."""
    return {path.name: path.read_text("utf-8") for path in folder.iterdir() if path.is_file()}


def report_in(folder: Path) -> dict[str, str]:
    """Requirement -> outcome, as the JSON report has it."""
    report = json.loads((folder / "report.json").read_text("utf-8"))
    return {row["id"]: row["outcome"] for row in report["requirements"]}


def test_the_key_is_in_no_artefact_whatever_a_target_repeats(tmp_path: Path) -> None:
    given = [f"--{name}={name}" for name in WRITERS]
    wrong = {"id": "[key]", "[key]": 1, "results": ["[key]"], "meta": {"[key]": "[key]"}}
    with answering((200, wrong), (400, "[key]"), (200, wrong)) as (url, asked):
        done = check(
            tmp_path,
            *given,
            *(f"--target={url}", "--github", "--strict"),
            GITHUB_STEP_SUMMARY="summary.md",
        )
    assert any(KEY in authorization for _, _, authorization in asked)
    assert done.returncode == EXIT_CODES[Verdict.VIOLATES]
    written = left_in(tmp_path)
    assert set(written) == {*WRITERS, "summary.md"}
    for name, text in (*written.items(), ("output", done.stdout)):
        assert KEY not in text, name
    # Where answers are told they have been blotted, not left out.
    reports = ("report-json", "report-html", "report-markdown", "report-sarif", "report-junit")
    for name in reports:
        assert "[key]" in written[name], name


def test_only_keeps_the_tests_of_a_requirement(tmp_path: Path) -> None:
    done = check(tmp_path, "--only=request.top_n.count", "--report-json=report.json")
    assert done.returncode == 0, done.stdout
    outcomes = report_in(tmp_path)
    assert outcomes["request.top_n.count"] == "passed"
    assert outcomes["authorization.required"] == outcomes["request.query.type"] == "off"


def test_only_reaches_what_the_effort_leaves_out(tmp_path: Path) -> None:
    check(tmp_path, "--report-json=report.json")
    assert report_in(tmp_path)["authorization.scheme"] == "off"
    done = check(tmp_path, "--only=authorization.scheme", "--report-json=report.json")
    assert done.returncode == 0, done.stdout
    assert report_in(tmp_path)["authorization.scheme"] == "passed"


def test_a_violation_is_found_again_by_the_command_that_it_names(tmp_path: Path) -> None:
    found = check(tmp_path, "--mutant=ignores top_n", "--report-json=report.json")
    assert found.returncode == EXIT_CODES[Verdict.VIOLATES]
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    (row,) = [row for row in report["requirements"] if row["violations"]]
    (violation,) = row["violations"]
    assert f"again     {violation['again']}\n" in found.stdout

    again = run(
        [
            "sh",
            "-c",
            f"'{COMMAND}' {violation['again'].partition(' ')[2]} --report-json=again.json",
        ],
        tmp_path,
    )
    assert again.returncode == EXIT_CODES[Verdict.VIOLATES]
    repeated = json.loads((tmp_path / "again.json").read_text("utf-8"))
    (same,) = [row for row in repeated["requirements"] if row["violations"]]
    sent, sent_again = (
        [exchange["request"] for exchange in one["violations"][0]["exchanges"]]
        for one in (row, same)
    )
    assert (same["id"], sent_again) == (row["id"], sent)


@pytest.mark.parametrize(
    "options",
    [
        ("--only=request.topn",),
        ("--report-html=no/such/folder/report.html",),
        ("--junitxml=no/such/folder/junit.xml",),
    ],
)
def test_a_mistake_ends_the_run_before_anything_is_sent(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    with answering((200, samples.ANSWER)) as (url, asked):
        done = check(tmp_path, f"--target={url}", *options)
    assert done.returncode == USAGE
    assert "Traceback" not in done.stdout
    assert asked == []
    assert left_in(tmp_path) == {}


def test_the_command_takes_junitxml_for_its_own_report(tmp_path: Path) -> None:
    check(tmp_path, "--only=request.top_n", "--mutant=ignores top_n", "--junitxml=junit.xml")
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    (failed,) = [case for case in root.iter("testcase") if case.find("failure") is not None]
    assert failed.get("name") == "request.top_n.count"


def test_what_was_not_tried_before_the_end_is_inconclusive(tmp_path: Path) -> None:
    done = check(tmp_path, "--mutant=answers with a page", "--report-json=report.json")
    assert done.returncode == EXIT_CODES[Verdict.VIOLATES]
    outcomes = report_in(tmp_path)
    assert outcomes["response.body.json"] == "failed"
    assert outcomes["request.top_n.count"] == "inconclusive"
    assert outcomes["authorization.scheme"] == "off"


def test_a_run_that_tries_nothing_is_inconclusive(tmp_path: Path) -> None:
    model = "--model=BAAI/bge-reranker-v2-m3"
    done = check(tmp_path, "--only=request.instruction.supported", model)
    assert done.returncode == EXIT_CODES[Verdict.INCONCLUSIVE]
    assert "SKIPPED no model of this kind is judged" in done.stdout


def test_a_workflow_gets_its_annotations_and_its_summary(tmp_path: Path) -> None:
    done = check(tmp_path, "--mutant=ignores top_n", "--github", GITHUB_STEP_SUMMARY="summary.md")
    assert "\n::error title=request.top_n.count::" in done.stdout
    assert "### failed: `request.top_n.count`" in (tmp_path / "summary.md").read_text("utf-8")


def test_nobody_is_annotated_unasked(tmp_path: Path) -> None:
    done = check(tmp_path, "--mutant=ignores top_n", GITHUB_STEP_SUMMARY="summary.md")
    assert "::error" not in done.stdout
    assert left_in(tmp_path) == {}
