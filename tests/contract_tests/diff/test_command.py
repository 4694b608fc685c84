"""The command `diff`: what it takes, and the forms that it prints."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from contract_tests.checks.violations import printable
from contract_tests.report.writers import save
from tests.contract_tests.audit.archiving import entry, written
from tests.contract_tests.diff.diffing import refusal
from tests.contract_tests.report.samples import HOSTILE, report
from tests.spoiled_files import spoiled


def test_the_content_of_a_file_says_of_which_kind_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording, judged = written(tmp_path, entry()), tmp_path / "report.json"
    save(report(), "report-json", judged)
    seen = tmp_path / "seen.json"
    save(report(), "behaviour-json", seen)
    for path, said in (
        (recording, "no difference in 1 pair"),
        (judged, f"no difference in {len(report().entries)} requirements"),
        (seen, "no difference in 1 switch"),
    ):
        assert main(["diff", str(path), str(path)]) == 0
        assert capsys.readouterr().out == f"{said}\n"
    kinds = (
        (recording, "a recording"),
        (judged, "a report of `check` or `audit`"),
        (seen, "a file of `observe`"),
        (Path("2026-07"), "a revision"),
    )
    for one, other in pairwise(kinds):
        said = f"{one[0]} is {one[1]} and {other[0]} is {other[1]}: compare two of a kind"
        assert said in refusal(one[0], other[0], capsys)


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b'{"a": 1}', "is no file of `observe`, `check` or `audit`, and no recording"),
        (b"", "is empty"),
        (b'{"a": 1', "ends too early"),
        (b'{"a" 1}', "is not JSON: expected ':', found '1'"),
        (b"{1: 1}", "is not JSON: the name of a member is none"),
        (b'{"\xff": 1}', "is not UTF-8"),
        (b'{"a": {"b": [1, "}"]}, "verdict": ', "is not JSON in UTF-8"),
        (b'{"verdict": NaN}', "is not JSON in UTF-8: NaN is no number of it"),
        (b'{"verdict": 1, "a": {"b": 1, "c": 2, "b": 3}}', "has the key b twice"),
        (b'{"verdict": 1' + b"0" * 5000 + b"}", "is not a report of `check` or `audit`: "),
        (b'{"verdict": ' + b"[" * 100_000, "is nested too deeply"),
    ],
)
def test_a_file_of_no_kind_is_refused_in_one_sentence(
    content: bytes, trouble: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_bytes(content)
    save(report(), "report-json", good)
    message = refusal(bad, good, capsys)
    assert f"rerank-contract diff: error: {bad} {trouble}" in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("form", ["report-json", "behaviour-json"])
def test_whatever_is_wrong_in_a_file_it_is_compared_or_refused_in_one_sentence(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    save(report(), form, good)
    whole = json.loads(good.read_bytes())
    if form == "report-json":
        whole |= {name: value[:1] for name, value in whole.items() if isinstance(value, list)}
    else:
        name, switch = whole["observed"]["switches"].popitem()
        whole["observed"]["switches"] = {name: switch}
    good.write_text(json.dumps(whole), "utf-8")
    for content in [*spoiled(whole)][::11]:
        bad.write_text(json.dumps(content), "utf-8")
        code = main(["diff", str(good), str(bad)])
        captured = capsys.readouterr()
        if code == 2:
            assert len(captured.err.splitlines()) == 1
            assert captured.err.startswith("rerank-contract diff: error: ")
            assert str(bad) in captured.err
            assert len(captured.err) < 1000
        assert printable(captured.err.strip()) == captured.err.strip()
        assert "\x1b" not in captured.out


def test_a_file_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    save(report(), "report-json", path)
    missing = tmp_path / "missing.json"
    assert f"there is no file {missing}" in refusal(path, missing, capsys)


def test_a_device_is_no_revision(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, entry())
    assert "/dev/null is not a plain file" in refusal(path, "/dev/null", capsys)


def test_nothing_in_a_file_commands_a_terminal_or_markdown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = written(tmp_path, entry(answer={"message": HOSTILE, HOSTILE: 1}, status=400), name="old")
    new = written(tmp_path, entry(answer={"message": "no"}, status=400), name="new")
    main(["diff", str(old), str(new)])
    text = capsys.readouterr().out
    assert all(line.isprintable() for line in text.splitlines())
    main(["diff", str(old), str(new), "--markdown"])
    markdown = capsys.readouterr().out
    assert "<" not in markdown.replace("\\<", "")
    assert markdown.startswith("## 2 changes in 1 pair: 1 breaks clients, 1 harmless\n")


def test_markdown_has_a_row_for_each_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = written(tmp_path, entry(), entry({"query": "only here"}), name="old.har")
    new = written(tmp_path, entry(answer="no", status=500), name="new.har")
    assert main(["diff", str(old), str(new), "--markdown"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "## 1 change in 1 pair: 1 breaks clients"
    assert any(
        line.startswith("| status | 200 | 500 | breaks clients | 1 of 1 pair") for line in lines
    )
    assert any(line.startswith("- not compared, only in ") for line in lines)
