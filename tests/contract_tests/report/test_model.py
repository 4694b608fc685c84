"""What all forms of the report take from its model: faults by their cause, reliability."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

from contract_tests.judging.outcomes import Outcome
from contract_tests.report import html_page, json_report, junit, markdown, sarif, terminal
from contract_tests.report.github import annotations

from . import samples

ROOT = "request.top_n.minimum"
OTHERS = ["endpoint.rerank", "request.top_n.count", "response.id.format"]
UNTRIED = "request.top_n.type"
ALONE = "response.id.unique"
CAUSE = "every request with top_n gets status 500, no"
REST = f"3 more requirements rest on it: {', '.join(OTHERS)}"
BECAUSE = f"1 more could not be tried because of it: {UNTRIED}"


def test_what_has_one_cause_is_one_fault_and_its_root_comes_first() -> None:
    first, second = samples.GROUPED.faults
    assert first.entry.requirement.id == ROOT
    assert [entry.requirement.id for entry in first.others] == OTHERS
    assert [entry.requirement.id for entry in first.untried] == [UNTRIED]
    assert first.notes == [CAUSE, REST, BECAUSE]
    assert (second.entry.requirement.id, second.notes) == (ALONE, [])


def test_a_failure_does_not_hide_behind_what_only_differs_or_is_known() -> None:
    for outcome in (Outcome.DIFFERS, Outcome.KNOWN):
        entries = tuple(
            replace(entry, outcome=outcome) if entry.requirement.id == ROOT else entry
            for entry in samples.GROUPED.entries
        )
        first, *_ = replace(samples.GROUPED, entries=entries).faults
        assert first.entry.requirement.id == "endpoint.rerank"
        named = {entry.requirement.id for entry in first.others}
        assert (ROOT in named) is (outcome is Outcome.DIFFERS)


def test_what_is_left_alone_of_a_cause_is_told_without_it() -> None:
    entries = tuple(
        replace(entry, outcome=Outcome.PASSED)
        if entry.requirement.id in (*OTHERS, UNTRIED)
        else entry
        for entry in samples.GROUPED.entries
    )
    faults = {
        fault.entry.requirement.id: fault.notes
        for fault in replace(samples.GROUPED, entries=entries).faults
    }
    assert faults == {ROOT: [], ALONE: []}


def test_every_form_tells_a_fault_once_and_its_root_first() -> None:
    report = samples.GROUPED
    printed = "\n".join(terminal.lines(report))
    assert re.findall("^FAILED (\\S+)", printed, re.MULTILINE) == [ROOT, ALONE]
    assert f"  {CAUSE}\n  {REST}\n  {BECAUSE}\n" in printed
    assert "INCONCLUSIVE" not in printed
    assert re.findall("### failed: `(.*)`", markdown.write(report)) == [ROOT, ALONE]
    told = re.findall("::error title=(.*?)::", "\n".join(annotations(report)))
    assert told == [ROOT, ALONE]
    page = html_page.write(report)
    section = page[page.index("What does not hold") : page.index('aria-label="Overview"')]
    assert re.findall('href="#(.*?)"', section) == [ROOT, ALONE]
    assert REST in section
    assert BECAUSE in section
    assert f"{CAUSE[0].upper()}{CAUSE[1:]}. {REST}. {BECAUSE}." in sarif.write(report)
    (suite,) = ElementTree.fromstring(junit.write(report))
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert sorted(map(str, failed)) == sorted([ROOT, ALONE])
    skipped = [element.get("message") for element in suite.iter("skipped")]
    assert skipped.count(f"failed, as {ROOT} does not hold") == 2
    assert skipped.count(f"inconclusive, as {ROOT} does not hold") == 1


def test_every_form_tells_what_was_answered_only_when_asked_again() -> None:
    report = samples.GROUPED
    told = (
        "46 of 698 requests were answered only when sent again: status 500 x 46, "
        "connection lost x 0; answers came within 12 ms (50%), 1500 ms (100%)"
    )
    assert report.reliability == told
    assert told in " ".join(line.strip() for line in terminal.lines(report))
    assert told in html_page.write(report)
    assert markdown.escape(told) in markdown.write(report)
    assert told in junit.write(report)
    assert told in list(annotations(report))[-1].replace("%25", "%")
    assert json.loads(sarif.write(report))["runs"][0]["properties"]["reliability"] == told
    assert json.loads(json_report.write(report))["reliability"]["answered"] == 698
    steady = replace(report, asked_again={"status 500": 0, "connection lost": 0})
    assert steady.reliability.startswith("no request had to be sent again; answers came within")
    assert samples.CONFORMING.reliability == ""
