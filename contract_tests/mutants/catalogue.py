"""The catalogue of mutants."""

from .accepting import MUTANTS_THAT_ACCEPT
from .of_answers import MUTANTS_OF_ANSWERS
from .of_reach import MUTANTS_OF_REACH
from .of_results import MUTANTS_OF_RESULTS
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
