"""Queries that bring an answer by its name, from clients in any language and without preparation.

The query `rerank-mock:overloaded` is answered with that error. The names are those of `find` in
`catalogue.py`, as far as one step says it all.
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

#: A query that is this and nothing else is magic: no sentence, and no text of a user.
_QUERY = re.compile(rf"{PREFIX}([a-z0-9_]+)")


@cache
def magic_steps(contract: Contract) -> Mapping[str, Step]:
    """Return what a magic query may name, and what it brings."""
    made = catalogue(contract)
    return {
        **{error: Step(error=error) for error in contract.errors},
        **{name: made[name].steps[0] for name in made if len(made[name].steps) == 1},
    }


def magic_step(contract: Contract, query: object) -> Step | None:
    """Return what a query asks for, if it is magic; an unknown name is refused."""
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
        rule = f"Names no magic{likely(magic[1], list(steps))}"
        raise contract.refusal("parameter_rule", field="query", rule=rule)
    return step
