"""The catalogue of mutants."""

from ..contract import Contract
from .accepting import MUTANTS_THAT_ACCEPT
from .generated import Generator
from .of_answers import MUTANTS_OF_ANSWERS
from .of_reach import MUTANTS_OF_REACH
from .of_results import MUTANTS_OF_RESULTS
from .operators import Mutant
from .refusing import MUTANTS_THAT_REFUSE

#: Mutants by name.
MUTANTS = {
    mutant.name: mutant
    for mutant in (
        *MUTANTS_THAT_ACCEPT,
        *MUTANTS_THAT_REFUSE,
        *MUTANTS_OF_ANSWERS,
        *MUTANTS_OF_RESULTS,
        *MUTANTS_OF_REACH,
    )
}


def mutant_named(contract: Contract, name: str) -> Mutant | None:
    """Return the mutant of that name, written or generated, for one run; None if there is none."""
    generated = None if name in MUTANTS else Generator(contract).named(name)
    return Mutant(name, None, generated.answerer) if generated else MUTANTS.get(name)
