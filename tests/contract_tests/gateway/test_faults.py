"""Every planted fault is found by the check that names it, and no right gateway is reported."""

import pytest

from contract_tests.gateway.findings import CHECKS, Verdict

from .conftest import Sandwich
from .small_gateway import FAULTS, FREEDOMS


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(sandwich: Sandwich, fault: str) -> None:
    report = sandwich(fault, wanted=(FAULTS[fault],))
    assert [finding.check for finding in report.of(Verdict.BROKEN)] == [FAULTS[fault]]
    (finding,) = report.findings
    assert finding.passages


def test_every_check_finds_a_fault() -> None:
    assert set(FAULTS.values()) == set(CHECKS)


#: Freedoms that go together.
TAKEN = (
    (),
    ("own ids", "own trace ids", "adds headers", "prints JSON anew", "retries once"),
    ("batches", "ranks duplicates once", "errors of its own"),
    ("cuts for itself", "sends a single text as a list", "leaves upstream alone after a failure"),
    ("caches",),
)


def test_every_freedom_is_taken() -> None:
    assert {freedom for freedoms in TAKEN for freedom in freedoms} == set(FREEDOMS)


@pytest.mark.parametrize("freedoms", TAKEN, ids=str)
def test_a_right_gateway_is_not_reported(sandwich: Sandwich, freedoms: tuple[str, ...]) -> None:
    report = sandwich(*freedoms)
    assert report.of(Verdict.BROKEN) == ()
    assert report.of(Verdict.NOT_SEEN) == ()
    assert not report.trouble
