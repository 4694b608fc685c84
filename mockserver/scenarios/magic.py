"""Queries that bring an answer by its name, from clients in any language and without preparation.

The query `rerank-mock:overloaded` is answered with that error. The names are those of `find` in
`ready_made.py`, as far as one step says it all.
"""

import re

from ..behaviour import Behaviour
from ..contract import ERRORS, refusal
from ..validation import likely
from ..wire import Json, Request, WireError, load
from .catalogue import CATALOGUE
from .scenario import Step

PREFIX = "rerank-mock:"

#: A query that is this and nothing else is magic: no sentence, and no text of a user.
_QUERY = re.compile(rf"{PREFIX}([a-z0-9_]+)")

#: What a magic query may name, and what it brings.
STEPS = {
    **{error: Step(error=error) for error in ERRORS},
    **{name: made.steps[0] for name, made in CATALOGUE.items() if len(made.steps) == 1},
}


def magic_step(behaviour: Behaviour, request: Request) -> Step | None:
    """Return what the query of the request asks for, if it is magic; an unknown name is refused."""
    if behaviour.magic_inputs == "off" or PREFIX.encode() not in request.body:
        return None
    magic = _QUERY.fullmatch(_query(request.body))
    if magic is None:
        return None
    step = STEPS.get(magic[1])
    if step is None:
        rule = f"Names no magic{likely(magic[1], list(STEPS))}"
        raise refusal("parameter_rule", field="query", rule=rule)
    return step


def _query(body: bytes) -> str:
    """Return the query, or the text of one that is an object; empty if there is none."""
    try:
        fields = load(body)
    except WireError:
        return ""
    query = _member(fields, "query")
    text = _member(query, "text") or query
    return text if isinstance(text, str) else ""


def _member(value: Json, name: str) -> Json:
    return value.get(name) if isinstance(value, dict) else None
