"""All checks: what can be said of one exchange."""

from ..contract import Contract
from ..exchanges import Exchange
from . import of_answers, of_results
from .check import Check
from .violations import Violation

#: Every check of both modules, in the order in which they are written.
CHECKS = tuple(
    check
    for module in (of_answers, of_results)
    for check in vars(module).values()
    if isinstance(check, Check)
)


def examine(contract: Contract, exchange: Exchange) -> tuple[frozenset[str], tuple[Violation, ...]]:
    """Run the checks that speak of `exchange`: the requirements they tried, what they found.

    A requirement that this revision of the contract lacks is neither tried nor broken.
    """
    speaking = [check for check in CHECKS if check.speaks_of(exchange)]
    tried = frozenset[str]().union(*(check.requirements(contract) for check in speaking))
    found = tuple(
        violation
        for check in speaking
        for violation in check.find(contract, exchange)
        if violation.requirement in contract.requirements
    )
    broken = {violation.requirement for violation in found}
    return (tried & contract.requirements.keys()) | broken, found
