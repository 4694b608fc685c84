"""What holds for every form of the report."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from contract_tests.checks.violations import printable
from contract_tests.judging.outcomes import Outcome, Verdict
from contract_tests.report.github import annotations
from contract_tests.report.model import Report
from contract_tests.report.terminal import lines
from contract_tests.report.writers import WRITERS, save
from tests.schemas.data import TABLE_SCHEMAS, errors

from . import samples

REPORTS = {name: report for name, report in vars(samples).items() if isinstance(report, Report)}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("sample", REPORTS)
def test_every_report_can_be_saved_in_every_form(name: str, sample: str, tmp_path: Path) -> None:
    path = tmp_path / "report"
    save(REPORTS[sample], name, path)
    assert path.read_text("utf-8")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", WRITERS)
def test_every_character_of_every_form_shows(name: str) -> None:
    written = WRITERS[name].write(samples.ATTACKED)
    assert all(line.isprintable() for line in written.split("\n"))


FORMS: dict[str, Callable[[Report], str]] = {
    **{name: form.write for name, form in WRITERS.items() if name.startswith("report-")},
    "terminal": lambda report: "\n".join(lines(report)),
    "github": lambda report: "\n".join(annotations(report)),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_says_why_there_was_no_answer(name: str) -> None:
    written = FORMS[name](samples.UNANSWERED)
    assert "ReadError" in written
    assert "cut off" in written
    # Programs read the status of the JSON report; its schema says what 0 means.
    assert name == "report-json" or not re.search(r"status\W*(?:code)?\W*0", written, re.IGNORECASE)


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_report_is_written_the_same(name: str) -> None:
    assert WRITERS[name].write(samples.ATTACKED) == WRITERS[name].write(samples.ATTACKED)


def test_a_file_is_never_seen_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    path.write_text("the last report")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        save(samples.VIOLATING, "report-json", path)
    assert path.read_text() == "the last report"


@pytest.mark.parametrize("sample", REPORTS)
def test_the_json_report_obeys_its_schema(sample: str) -> None:
    written = WRITERS["report-json"].write(REPORTS[sample])
    content = json.loads(written.encode("utf-8", "backslashreplace"))
    assert errors(TABLE_SCHEMAS["report"], content) == []


def test_a_fault_of_the_suite_is_reported_apart_from_the_requirements() -> None:
    assert samples.FAULTY.verdict is Verdict.BROKEN
    assert set(samples.FAULTY.counts) == {Outcome.PASSED}
    content = json.loads(WRITERS["report-json"].write(samples.FAULTY).encode("utf-8", "replace"))
    assert content["fault"].startswith("test_documents.py could not be read: ")
    written = [WRITERS[f"report-{form}"].write(samples.FAULTY) for form in ("html", "sarif")]
    written += ["\n".join(lines(samples.FAULTY)), "\n".join(annotations(samples.FAULTY))]
    for text in written:
        assert "test_documents.py could not be read" in text
    markdown = WRITERS["report-markdown"].write(samples.FAULTY)
    assert r"test\_documents\.py could not be read" in markdown


def test_the_samples_have_every_verdict() -> None:
    assert {report.verdict for report in REPORTS.values()} == set(Verdict)


def test_a_lone_surrogate_survives_as_json(tmp_path: Path) -> None:
    save(samples.ATTACKED, "report-json", tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_bytes())
    (row,) = [row for row in content["requirements"] if row["id"] == "response.results.sorted"]
    assert row["violations"][0]["received"] == samples.HOSTILE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 文字, 🙂", "plain text, 文字, 🙂"),
        ("two\nlines", "two\\nlines"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202eright", "\\u202eright"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_does_not_show_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
