"""What can become of a requirement, and of a run."""

from enum import Enum


class Outcome(str, Enum):
    """What became of a requirement. Listed from best to worst."""

    #: It was tried and held.
    PASSED = "passed"
    #: An observed requirement does not hold here; it was never promised.
    DIFFERS = "differs"
    #: It does not hold, or depends on what does not; the baseline says so.
    KNOWN = "known"
    #: The target has no such thing: a model that it does not serve.
    SKIPPED = "skipped"
    #: It was not asked for: a higher effort or another selection of tests tries it.
    OFF = "off"
    #: It could not be found out: budget spent, target unreachable or busy, key refused.
    INCONCLUSIVE = "inconclusive"
    #: The target broke it.
    FAILED = "failed"
    #: The suite itself failed.
    BROKEN = "broken"


class Verdict(str, Enum):
    """The verdict on the target as a whole."""

    CONFORMS = "conforms"
    VIOLATES = "violates"
    INCONCLUSIVE = "inconclusive"
    BROKEN = "broken"


EXIT_CODES = {
    Verdict.CONFORMS: 0,
    Verdict.VIOLATES: 1,
    Verdict.INCONCLUSIVE: 3,
    Verdict.BROKEN: 4,
}


def verdict(outcomes: set[Outcome]) -> Verdict:
    """The worst outcome decides; a run in which nothing was passed has shown nothing."""
    if Outcome.BROKEN in outcomes:
        return Verdict.BROKEN
    if Outcome.FAILED in outcomes:
        return Verdict.VIOLATES
    if Outcome.INCONCLUSIVE in outcomes or Outcome.PASSED not in outcomes:
        return Verdict.INCONCLUSIVE
    return Verdict.CONFORMS
