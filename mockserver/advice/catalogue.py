"""All rules that give advice, in order.

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

# Adjacent rules with the same condition, so that it is evaluated once.
_ON_REQUESTS = [(when, [*rules]) for when, rules in groupby(ON_REQUESTS, lambda rule: rule.when)]
_OVER_TIME = [(when, [*rules]) for when, rules in groupby(OVER_TIME, lambda rule: rule.when)]


def advise_on_request(sent: ReceivedRequest) -> tuple[Advice, ...]:
    """Return the advice on the request by itself."""
    found: tuple[Advice, ...] = ()
    for when, rules in _ON_REQUESTS:
        if when(sent):
            found += tuple(advice for rule in rules for advice in rule.advise(sent))
    return found


def advise_over_time(now: Exchange, past: Past) -> tuple[Advice, ...]:
    """Return the advice on the exchange in the light of what the caller did before."""
    found: tuple[Advice, ...] = ()
    for when, rules in _OVER_TIME:
        if when(now, past):
            found += tuple(advice for rule in rules for advice in rule.advise(now, past))
    return found
