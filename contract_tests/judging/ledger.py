"""The ledger keeps what a run has learnt about each requirement."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ..checks.violations import Violation
from ..contract import Contract
from ..exchanges import Exchange
from .outcomes import Outcome

Value = TypeVar("Value")

#: Violations of one requirement that are kept, the smallest first.
KEPT = 3


@dataclass
class Ledger:
    """What a run has learnt. Requirements that the contract lacks are of no interest."""

    contract: Contract
    #: Whether a breach of an observed requirement fails too.
    strict: bool = False
    #: Ids of the requirements whose breach is known, and does not fail.
    known: frozenset[str] = frozenset()
    #: Test -> ids of the requirements that it names.
    tests: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    #: Ids of the requirements that at least one exchange spoke of.
    tried: set[str] = field(default_factory=set[str])
    #: Requirement -> test -> the smallest violation that the test has seen.
    violations: dict[str, dict[str, Violation]] = field(
        default_factory=lambda: defaultdict[str, dict[str, Violation]](dict)
    )
    #: Requirement -> number of the request that first broke it.
    first_broken: dict[str, int] = field(default_factory=dict[str, int])
    #: Traits of the valid requests that were accepted.
    accepted: set[str] = field(default_factory=set[str])
    #: Open requirement -> what the target was found to do.
    observed: dict[str, set[str]] = field(default_factory=lambda: defaultdict[str, set[str]](set))
    #: Requirement -> why it could not be found out.
    inconclusive: dict[str, str] = field(default_factory=dict[str, str])
    #: Requirement -> what was missing where it was to be tried; another model may have had it.
    unmet: dict[str, str] = field(default_factory=dict[str, str])
    #: Requirement -> the exchange after which it could not be tried.
    hindered: dict[str, Exchange] = field(default_factory=dict[str, Exchange])
    #: Requirement -> why the target has no such thing.
    skipped: dict[str, str] = field(default_factory=dict[str, str])
    #: Requirement -> what is to be said of a breach that did not show again.
    unsteady: dict[str, str] = field(default_factory=dict[str, str])
    #: Requirement -> how the suite itself went wrong where it was to be tried.
    broken: dict[str, str] = field(default_factory=dict[str, str])
    #: Requirement -> why it is not judged: the target does not declare what it is about.
    undeclared: Mapping[str, str] = field(default_factory=dict[str, str])
    #: How the suite went wrong where no requirement is concerned.
    fault: str | None = None

    def record(self, test: str, violation: Violation) -> None:
        """Keep a violation that `test` has seen, if it is the smallest yet."""
        seen = self.violations[violation.requirement]
        self.first_broken.setdefault(violation.requirement, violation.exchanges[-1].number)
        if test not in seen or violation.size < seen[test].size:
            seen[test] = replace(violation, test=test)

    def merge(self, other: "Ledger") -> None:
        """Take over what another process of the run has learnt; each test ran in one of them."""
        self.tests |= other.tests
        self.tried |= other.tried
        self.accepted |= other.accepted
        for name, seen in other.violations.items():
            self.violations[name] |= seen
        for name, number in other.first_broken.items():
            self.first_broken[name] = min(number, self.first_broken.get(name, number))
        for name, found in other.observed.items():
            self.observed[name] |= found
        for reasons, more in (
            (self.inconclusive, other.inconclusive),
            (self.unmet, other.unmet),
            (self.skipped, other.skipped),
            (self.unsteady, other.unsteady),
            (self.broken, other.broken),
        ):
            reasons.update(more | reasons)
        for name, exchange in other.hindered.items():
            known = self.hindered.setdefault(name, exchange)
            if exchange.number < known.number:
                self.hindered[name] = exchange
        self.fault = self.fault or other.fault

    def sort(self, tests: Iterable[str]) -> None:
        """Put what was kept by test in the order of the tests, whichever process ran them."""
        order = {test: number for number, test in enumerate(tests)}
        self.tests = _sorted(self.tests, order)
        for name, seen in self.violations.items():
            self.violations[name] = _sorted(seen, order)

    def leave_open(self, named: Mapping[str, Iterable[str]]) -> None:
        """Call inconclusive what the tests name that did not come to run; all, without tests."""
        reason = "the run ended before all of it was tried"
        for test, requirements in named.items():
            if test not in self.tests:
                for name in set(requirements) - self.skipped.keys():
                    self.inconclusive.setdefault(name, reason)
        if not named:
            self.inconclusive |= dict.fromkeys(self.contract.requirements, reason)

    def fails(self, requirement: str) -> bool:
        """Whether a breach of the requirement is a failure."""
        found = self.contract.requirements.get(requirement)
        excused = requirement in self.known or requirement in self.undeclared
        level = found.level if found and not excused else "open"
        return level == "spec" or (level == "observed" and self.strict)

    def worst(self, requirement: str) -> list[Violation]:
        """The smallest violations of the requirement."""
        if requirement in self.undeclared:
            return []
        seen = self.violations.get(requirement, {}).values()
        return sorted(seen, key=lambda violation: violation.size)[:KEPT]

    def outcome(self, requirement: str) -> Outcome:
        """What became of the requirement."""
        if requirement in self.broken:
            return Outcome.BROKEN
        if self.worst(requirement):
            return Outcome.FAILED if self.fails(requirement) else Outcome.DIFFERS
        if requirement in self.inconclusive:
            return Outcome.INCONCLUSIVE
        if requirement in self.tried - self.undeclared.keys():
            return Outcome.PASSED
        if requirement in self.unmet:
            return Outcome.INCONCLUSIVE
        is_skipped = requirement in {**self.skipped, **self.undeclared}
        return Outcome.SKIPPED if is_skipped else Outcome.OFF

    def reason(self, requirement: str) -> str | None:
        """Why the requirement was not judged, or what else is to be said of it."""
        outcome = self.outcome(requirement)
        reasons = {
            Outcome.BROKEN: self.broken,
            Outcome.INCONCLUSIVE: {**self.unmet, **self.inconclusive},
            Outcome.SKIPPED: {**self.skipped, **self.undeclared},
            Outcome.FAILED: self.unsteady,
            Outcome.DIFFERS: self.unsteady,
        }
        return reasons[outcome].get(requirement) if outcome in reasons else None


def _sorted(by_test: Mapping[str, Value], order: Mapping[str, int]) -> dict[str, Value]:
    tests = sorted(by_test, key=lambda test: order.get(test, len(order)))
    return {test: by_test[test] for test in tests}
