"""The summary in Markdown, and what a GitHub workflow is told."""

import re
from pathlib import Path

import pytest

from contract_tests.checks.violations import printable
from contract_tests.report.github import annotations, summarize, summary_file
from contract_tests.report.markdown import escape, write
from tests.contract_tests.newest import REQUIREMENTS

from . import samples


def blocks_and_rest(markdown: str) -> tuple[list[str], str]:
    """Split Markdown into what stands in fences and what does not, as CommonMark does."""
    blocks: list[str] = []
    rest: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        run = re.match("(`{3,})", line)
        if not fence and run:
            fence = run[1]
            blocks.append("")
        elif fence and run and len(run[1]) >= len(fence) and not line.strip("`"):
            fence = ""
        elif fence:
            blocks[-1] += line + "\n"
        else:
            rest.append(line)
    assert not fence
    return blocks, "\n".join(rest)


def test_the_table_counts_every_requirement() -> None:
    rows = [line for line in write(samples.VIOLATING).split("\n") if line.startswith("| ")]
    numbers = [int(cell) for row in rows[1:] for cell in row.split("|") if cell.strip().isdigit()]
    assert sum(numbers) == len(REQUIREMENTS)
    assert rows[0].split(" | ")[1:] == [
        "failed",
        "inconclusive",
        "differs",
        "passed",
        "skipped",
        "off |",
    ]


def test_each_failure_has_its_exchange_and_the_way_to_see_it_again() -> None:
    blocks, rest = blocks_and_rest(write(samples.VIOLATING))
    assert re.findall("### .*: `(.*)`", rest) == [
        "authorization.required",
        "request.top_n.count",
        "response.results.index.permutation",
    ]
    for block in blocks:
        assert re.search("^sent      curl .*\nanswered  status 200", block, re.MULTILINE)
        assert "again     rerank-contract check --only=" in block


def test_the_verdict_is_an_alert_and_the_exchanges_are_folded() -> None:
    lines = write(samples.VIOLATING).split("\n")
    assert lines[0] == "## rerank-contract: violates"
    assert lines[2] == "> [!CAUTION]"
    assert lines[3].startswith("> 2 failed, 1 inconclusive, 1 differs, ")
    assert "> [!TIP]" in write(samples.CONFORMING)
    starts = [number for number, line in enumerate(lines) if line == "```text"]
    assert starts
    for start in starts:
        assert lines[start - 2].startswith("<details><summary>")
        assert not lines[start - 1]
    ends = [lines.index("```", start) for start in starts]
    assert {lines[end + 2] for end in ends} == {"</details>"}


def test_what_a_target_says_stays_text() -> None:
    blocks, rest = blocks_and_rest(write(samples.ATTACKED))
    assert any("owned" in block for block in blocks)
    assert all(line.isprintable() for block in blocks for line in block.split("\n"))
    ours = r"^> (\[!\w+\])?|^</?details>(<summary>[\w ,]+</summary>)?$"
    plain = re.sub(ours, "", re.sub(r"\\[!-/:-@\[-`{-~]", "", rest), flags=re.MULTILINE)
    assert "owned" in plain
    for sign in "<>[$":
        assert sign not in plain
    assert "\n::" not in rest


@pytest.mark.parametrize("sign", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
def test_every_sign_of_markdown_is_escaped(sign: str) -> None:
    assert escape(f"a{sign}b") == f"a\\{sign}b"


def test_the_summary_is_added_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("of another tool\n")
    summarize(samples.ATTACKED, path)
    summarize(samples.CONFORMING, path)
    text = path.read_text("utf-8")
    assert text.startswith("of another tool\n## rerank-contract: broken\n")
    assert "\n## rerank-contract: conforms\n" in text


@pytest.mark.parametrize(
    ("environment", "path"),
    [({}, None), ({"GITHUB_STEP_SUMMARY": ""}, None), ({"GITHUB_STEP_SUMMARY": "s"}, Path("s"))],
)
def test_the_summary_goes_where_the_workflow_says(
    environment: dict[str, str], path: Path | None
) -> None:
    assert summary_file(environment) == path


def unescaped(text: str) -> str:
    """What the runner of GitHub makes of an escaped text."""
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, sign)
    return text


def test_annotations_are_one_line_each_and_say_what_was_meant() -> None:
    printed = list(annotations(samples.ATTACKED))
    commands = [
        re.fullmatch("::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)", line)
        for line in printed
    ]
    assert all(commands)
    failed = next(
        command for command in commands if command and command[2] == "response.results.sorted"
    )
    assert failed[1] == "error"
    meant = printable(samples.HOSTILE, keep="\n")
    assert f"expected {meant}" in unescaped(failed[3])
    assert all(line.isprintable() for line in printed)


def test_failures_are_errors_and_doubt_is_a_warning() -> None:
    kinds = [line.split(" ")[0] for line in annotations(samples.VIOLATING)]
    assert kinds == ["::error", "::error", "::warning", "::warning", "::notice"]
    (doubt, verdict) = annotations(samples.UNFINISHED)
    assert doubt.startswith("::warning title=")
    assert "::inconclusive: " in verdict
