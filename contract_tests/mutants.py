"""The catalogue of mutants."""

from .mutants_of_answers import MUTANTS_OF_ANSWERS
from .mutants_of_results import MUTANTS_OF_RESULTS
from .mutants_that_accept import MUTANTS_THAT_ACCEPT
from .mutants_that_refuse import MUTANTS_THAT_REFUSE

#: Mutants by name.
MUTANTS = {
    mutant.name: mutant
    for mutant in (
        *MUTANTS_THAT_ACCEPT,
        *MUTANTS_THAT_REFUSE,
        *MUTANTS_OF_ANSWERS,
        *MUTANTS_OF_RESULTS,
    )
}
