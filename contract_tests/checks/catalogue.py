"""All checks: what can be said of one exchange."""

from ..exchanges import Exchange
from . import of_answers as checks_of_answers
from . import of_results as checks_of_results
from .check import Check
from .violations import Violation

#: Every check of both modules, in the order in which they are written.
CHECKS = tuple(
    check
    for module in (checks_of_answers, checks_of_results)
    for check in vars(module).values()
    if isinstance(check, Check)
)


def examine(exchange: Exchange) -> tuple[frozenset[str], tuple[Violation, ...]]:
    """Run the checks that speak of ``exchange``: the requirements they tried, what they found."""
    speaking = [check for check in CHECKS if check.speaks_of(exchange)]
    tried = frozenset[str]().union(*(check.requirements for check in speaking))
    found = tuple(violation for check in speaking for violation in check.find(exchange))
    return tried.union(violation.requirement for violation in found), found
