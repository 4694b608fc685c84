"""All advice that there is, in the order in which it is given.

received request -> ON_REQUESTS          exchange, past -> OVER_TIME
"""

from itertools import groupby

from ..parsed_request import ReceivedRequest
from ..state.exchanges import Advice, Exchange, Past
from . import bodies, heads, over_time
from .rules import Rule

#: The header with the ids of the advice on a request.
HEADER = "x-rerank-mock-advice"

ON_REQUESTS: tuple[Rule[[ReceivedRequest]], ...] = tuple(
    found
    for module in (heads, bodies)
    for found in vars(module).values()
    if isinstance(found, Rule)
)

OVER_TIME: tuple[Rule[[Exchange, Past]], ...] = tuple(
    found for found in vars(over_time).values() if isinstance(found, Rule)
)

RULES: tuple[Rule[...], ...] = (*ON_REQUESTS, *OVER_TIME)

# Neighbours that look for things under the same condition, so that it is asked once.
_ON_REQUESTS = [(when, [*rules]) for when, rules in groupby(ON_REQUESTS, lambda rule: rule.when)]
_OVER_TIME = [(when, [*rules]) for when, rules in groupby(OVER_TIME, lambda rule: rule.when)]


def advise_on_request(sent: ReceivedRequest) -> tuple[Advice, ...]:
    """Return what the request shows by itself."""
    found: tuple[Advice, ...] = ()
    for when, rules in _ON_REQUESTS:
        if when(sent):
            found += tuple(advice for rule in rules for advice in rule.advise(sent))
    return found


def advise_over_time(now: Exchange, past: Past) -> tuple[Advice, ...]:
    """Return what it shows after what the caller did before."""
    found: tuple[Advice, ...] = ()
    for when, rules in _OVER_TIME:
        if when(now, past):
            found += tuple(advice for rule in rules for advice in rule.advise(now, past))
    return found
