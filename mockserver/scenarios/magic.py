"""Magic queries: they name their answer, so clients in any language need no other set-up.

The query `rerank-mock:overloaded` is answered with that error. The names are those of
`catalogue.find` that consist of one step.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import cast

from ..contract import Contract
from ..validation import likely
from .catalogue import catalogue
from .scenario import Step

PREFIX = "rerank-mock:"

#: Only a query that consists of this alone is magic.
_QUERY = re.compile(rf"{PREFIX}([a-z0-9_]+)")


@cache
def magic_steps(contract: Contract) -> Mapping[str, Step]:
    """Return the names that a magic query may have, and their steps."""
    made = catalogue(contract)
    return {
        **{error: Step(error=error) for error in contract.errors},
        **{name: made[name].steps[0] for name in made if len(made[name].steps) == 1},
    }


def magic_step(contract: Contract, query: object) -> Step | None:
    """Return the step of a query if it is magic. Raise `Refusal` for an unknown name."""
    text: object = (
        cast("dict[str, object]", query).get("text") if isinstance(query, dict) else query
    )
    if not (isinstance(text, str) and text.startswith(PREFIX)):
        return None
    magic = _QUERY.fullmatch(text)
    if magic is None:
        return None
    steps = magic_steps(contract)
    step = steps.get(magic[1])
    if step is None:
        rule = f"Unknown magic query {magic[1][:64]!r}{likely(magic[1], list(steps))}"
        raise contract.refusal("parameter_rule", field="query", rule=rule)
    return step
