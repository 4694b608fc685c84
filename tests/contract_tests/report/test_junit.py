"""The report as JUnit XML."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from contract_tests.judging.outcomes import Outcome
from contract_tests.report.junit import write
from contract_tests.report.model import Report
from tests.contract_tests.newest import REQUIREMENTS

from . import samples


def root_of(report: Report) -> Element:
    return ElementTree.fromstring(write(report))


def case(report: Report, name: str) -> Element:
    (found,) = [case for case in root_of(report).iter("testcase") if case.get("name") == name]
    return found


def test_every_requirement_is_one_case_and_counts_once() -> None:
    root = root_of(samples.VIOLATING)
    assert [case.get("name") for case in root.iter("testcase")] == list(REQUIREMENTS)
    (suite,) = root
    counts = samples.VIOLATING.counts
    unjudged = (Outcome.INCONCLUSIVE, Outcome.SKIPPED, Outcome.OFF)
    for element in (root, suite):
        assert element.get("tests") == str(len(REQUIREMENTS))
        assert element.get("failures") == str(counts[Outcome.FAILED])
        assert element.get("errors") == "0"
        assert element.get("skipped") == str(sum(counts[outcome] for outcome in unjudged))


def test_a_case_names_its_requirement_level_and_section() -> None:
    told = {
        element.get("name"): element.get("value")
        for element in case(samples.VIOLATING, "request.top_n.count").iter("property")
    }
    assert told == {"requirement": "request.top_n.count", "level": "spec", "section": "Body"}


def test_a_failure_says_what_was_expected_and_how_to_see_it_again() -> None:
    failure = case(samples.VIOLATING, "request.top_n.count").find("failure")
    assert failure is not None
    assert failure.get("message") == "expected 1 result, received 2 results"
    assert failure.text
    assert "sent      curl " in failure.text
    assert "again     rerank-contract check --only=request.top_n.count " in failure.text


@pytest.mark.parametrize(
    ("report", "name", "element", "said"),
    [
        (samples.BROKEN, "endpoint.rerank", "error", "KeyError in test_it"),
        (samples.FAULTY, "the suite itself", "error", "could not be read"),
        (samples.UNFINISHED, "response.id.type", "skipped", "inconclusive: the budget of 50 "),
        (samples.VIOLATING, "authorization.scheme", "skipped", "off"),
    ],
)
def test_what_was_not_judged_is_an_error_or_skipped(
    report: Report, name: str, element: str, said: str
) -> None:
    found = case(report, name).find(element)
    assert found is not None
    assert said in str(found.get("message"))


def test_a_difference_passes_with_a_remark() -> None:
    differing = case(samples.VIOLATING, "response.results.index.permutation")
    assert [element.tag for element in differing] == ["properties", "system-out"]
    assert "received score 0.37" in str(differing.findtext("system-out"))


def test_what_a_target_says_stays_text() -> None:
    text = "".join(root_of(samples.ATTACKED).itertext())
    assert "owned" in text
    assert all(line.isprintable() for line in text.split("\n"))
