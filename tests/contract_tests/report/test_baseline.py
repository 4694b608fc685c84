"""The baseline: deviations that are known, and do not fail until their day."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Request
from contract_tests.judging.outcomes import Outcome, Verdict
from contract_tests.mutants.operators import Sender
from contract_tests.report.baseline import BaselineError, Deviation, State, load_baseline, to_text
from contract_tests.report.builder import report_of
from contract_tests.report.github import annotations
from contract_tests.report.junit import write as junit
from contract_tests.report.markdown import write as markdown
from contract_tests.report.model import Report
from contract_tests.report.sarif import write as sarif
from contract_tests.report.terminal import lines
from tests.contract_tests.exchanging import new_run
from tests.contract_tests.judged import judge_here
from tests.contract_tests.newest import NEWEST

from . import samples

BROKEN, HINDERED, HELD = "request.top_n.count", "request.top_n.most_relevant", "response.id.type"
DAY = date(2026, 11, 26)
AFTER = date(2026, 11, 27)


def deviation(requirement: str = BROKEN, expires: date = DAY) -> Deviation:
    return Deviation(requirement, "the upstream does not count", expires)


def judged(*baseline: Deviation, today: date = DAY) -> Report:
    """The report of a run in which one requirement broke, and kept another from being tried."""
    run, _ = new_run()
    run.ledger.tried.update({BROKEN, HELD})
    run.ledger.record("test_it", samples.violation(BROKEN))
    run.ledger.unmet[HINDERED] = f"it needs {BROKEN}"
    return report_of(run, baseline=baseline, today=today)


def outcome(report: Report, requirement: str) -> Outcome:
    (found,) = [entry for entry in report.entries if entry.requirement.id == requirement]
    return found.outcome


def test_what_is_known_does_not_fail_until_its_day_has_passed() -> None:
    assert judged().verdict is Verdict.VIOLATES
    known = deviation(), deviation(HINDERED)
    assert judged(*known).verdict is Verdict.CONFORMS
    assert outcome(judged(*known), BROKEN) is outcome(judged(*known), HINDERED) is Outcome.KNOWN
    expired = judged(*known, today=AFTER)
    assert expired.verdict is Verdict.VIOLATES
    assert outcome(expired, BROKEN) is Outcome.FAILED
    assert [state for _, state in expired.baseline] == [State.EXPIRED] * 2


def test_an_entry_of_a_requirement_that_holds_fails() -> None:
    stale = judged(deviation(), deviation(HINDERED), deviation(HELD))
    assert stale.verdict is Verdict.VIOLATES
    assert outcome(stale, HELD) is Outcome.PASSED
    assert [entry.requirement for entry, _ in stale.lapsed] == [HELD]


def test_an_entry_that_could_not_be_tried_fails_only_when_it_has_expired() -> None:
    untried = deviation("authorization.scheme")
    report = judged(deviation(), deviation(HINDERED), untried)
    assert report.verdict is Verdict.CONFORMS
    assert report.baseline[-1] == (untried, State.UNTRIED)
    others = deviation(BROKEN, AFTER), deviation(HINDERED, AFTER)
    assert judged(*others, untried, today=AFTER).verdict is Verdict.VIOLATES


def test_every_form_of_the_report_names_what_is_known_and_what_has_lapsed() -> None:
    report = judged(deviation(), deviation(HINDERED), deviation(HELD))
    reason = "until 2026-11-26: the upstream does not count"
    remove = "the requirement holds: remove the entry"
    printed = list(lines(report))
    assert f"KNOWN {BROKEN} {reason}" in printed
    assert f"FAILED baseline, {HELD}: {remove}" in printed
    assert any(HELD in line and remove in line for line in annotations(report))
    case = f'classname="baseline" name="{HELD}"><failure message="{remove}"'
    assert case in "".join(line.strip() for line in junit(report).splitlines())
    assert f"baseline, `{HELD}`: {remove}" in markdown(report)
    (log,) = json.loads(sarif(report))["runs"]
    (result,) = log["results"]
    assert result["suppressions"] == [{"kind": "external", "justification": reason}]


def test_a_new_baseline_has_what_does_not_hold_and_keeps_what_was_known() -> None:
    new = judged().deviations(DAY)
    assert [(entry.requirement, entry.expires) for entry in new] == [
        (BROKEN, date(2027, 2, 24)),
        (HINDERED, date(2027, 2, 24)),
    ]
    assert new[0].reason == "expected 1 result, received 2 results"
    kept = judged(deviation(), deviation(HELD)).deviations(DAY)
    assert kept == [deviation(), new[1]]


def test_what_was_written_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(to_text([deviation(), deviation(HELD)]), "utf-8")
    assert load_baseline(path, NEWEST) == (deviation(), deviation(HELD))


@pytest.mark.slow
def test_a_run_writes_a_baseline_by_which_the_same_target_conforms(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    words = ("--effort=smoke", "--only=request.top_n")

    def without_id(send: Sender, request: Request) -> Answer:
        answer = send(request)
        if answer.status != 200:
            return answer
        body = {name: value for name, value in answer.json.items() if name != "id"}
        return replace(answer, body=json.dumps(body).encode())

    first = judge_here(tmp_path, *words, f"--write-baseline={path}", instead=without_id)
    assert first.verdict == "violates"
    second = judge_here(tmp_path, *words, f"--baseline={path}", instead=without_id)
    assert (second.code, second.verdict) == (0, "conforms")
    assert second.that("known") == first.that("failed") == {"response.id.required"}
    mended = judge_here(tmp_path, *words, f"--baseline={path}")
    assert (mended.code, mended.verdict) == (1, "violates")
    (entry,) = mended.report["baseline"]
    assert (entry["requirement"], entry["state"]) == ("response.id.required", "stale")


def entries(*given: AnyJson) -> str:
    valid = {"requirement": BROKEN, "reason": "x", "expires": "2026-11-26"}
    return json.dumps({"version": 1, "deviations": [{**valid, **each} for each in given]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "is nested too deeply"),
        ("{", "is not JSON in UTF-8: Expecting property name"),
        ("[]", "baseline.json: [] is not of type 'object'"),
        (entries({"reason": ""}), "deviations[0].reason: "),
        (
            entries({"until": "x"}),
            "deviations[0]: there is no until; known are requirement, reason, expires",
        ),
        (entries({"expires": "soon"}), "deviations[0].expires: 'soon' does not match"),
        (
            entries({"expires": "2026-02-30"}),
            "deviations[0].expires: 2026-02-30 is not a day of the calendar",
        ),
        (
            entries({}, {"requirement": "request.topn.count"}),
            "deviations[1].requirement: no requirement is called request.topn.count; "
            f"did you mean {BROKEN}?",
        ),
        (entries({}, {}), f"deviations[1].requirement: {BROKEN} has an entry already"),
    ],
)
def test_a_wrong_file_is_explained_in_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text, "utf-8")
    with pytest.raises(BaselineError) as caught:
        load_baseline(path, NEWEST)
    told = str(caught.value)
    assert str(path) in told
    assert said in told
    assert "\n" not in told


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"missing\.json cannot be read: No such file"):
        load_baseline(tmp_path / "missing.json", NEWEST)
