import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.checks.violations import Violation
from contract_tests.judging.ledger import KEPT, Ledger
from contract_tests.judging.outcomes import Outcome
from tests.contract_tests.exchanging import exchange
from tests.contract_tests.newest import NEWEST

SPEC, OBSERVED, OPEN = "request.top_n.type", "response.id.format", "endpoint.wrong_method"


def violation(requirement: str = SPEC, size: int = 1) -> Violation:
    return Violation(requirement, "this", "that", (exchange(b"x" * size),))


def ledger(*, strict: bool = False) -> Ledger:
    return Ledger(NEWEST, strict=strict, tried={SPEC, OBSERVED, OPEN})


@pytest.mark.parametrize(
    ("requirement", "strict", "outcome"),
    [
        (SPEC, False, Outcome.FAILED),
        (SPEC, True, Outcome.FAILED),
        (OBSERVED, False, Outcome.DIFFERS),
        (OBSERVED, True, Outcome.FAILED),
        (OPEN, False, Outcome.DIFFERS),
        (OPEN, True, Outcome.DIFFERS),
    ],
)
def test_what_a_breach_means_depends_on_the_level(
    requirement: str, strict: bool, outcome: Outcome
) -> None:
    kept = ledger(strict=strict)
    kept.record("a test", violation(requirement))
    assert kept.outcome(requirement) is outcome
    assert kept.fails(requirement) is (outcome is Outcome.FAILED)


@given(
    st.sets(st.sampled_from(["broken", "violated", "inconclusive", "tried", "unmet", "skipped"]))
)
def test_of_all_that_became_of_a_requirement_the_worst_counts(happened: set[str]) -> None:
    kept = Ledger(NEWEST)
    for reasons in ("broken", "inconclusive", "unmet", "skipped"):
        if reasons in happened:
            getattr(kept, reasons)[SPEC] = f"it is {reasons}"
    if "violated" in happened:
        kept.record("a test", violation())
    if "tried" in happened:
        kept.tried.add(SPEC)
    worst = {
        "broken": Outcome.BROKEN,
        "violated": Outcome.FAILED,
        "inconclusive": Outcome.INCONCLUSIVE,
        "tried": Outcome.PASSED,
        "unmet": Outcome.INCONCLUSIVE,
        "skipped": Outcome.SKIPPED,
    }
    expected = next((name for name in worst if name in happened), None)
    assert kept.outcome(SPEC) is (worst[expected] if expected else Outcome.OFF)
    told = expected in ("broken", "inconclusive", "unmet", "skipped")
    assert kept.reason(SPEC) == (f"it is {expected}" if told else None)


@given(st.lists(st.integers(1, 100), min_size=1))
def test_of_each_test_the_smallest_violation_is_kept(sizes: list[int]) -> None:
    kept = ledger()
    for size in sizes:
        kept.record("a test", violation(size=size))
    assert [one.size for one in kept.worst(SPEC)] == [min(sizes)]


@given(st.lists(st.integers(1, 100), min_size=1))
def test_of_many_tests_the_smallest_violations_are_shown(sizes: list[int]) -> None:
    kept = ledger()
    for number, size in enumerate(sizes):
        kept.record(f"test {number}", violation(size=size))
    assert [one.size for one in kept.worst(SPEC)] == sorted(sizes)[:KEPT]


def test_what_nobody_asked_for_is_off() -> None:
    assert Ledger(NEWEST).outcome(SPEC) is Outcome.OFF
    assert Ledger(NEWEST).worst(SPEC) == []
