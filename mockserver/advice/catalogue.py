"""All rules that give advice, in order.

received request -> ON_HEADS, ON_BODIES          exchange, past -> OVER_TIME
"""

from types import ModuleType

from ..parsed_request import ReceivedRequest
from ..state.exchanges import Advice, Exchange, Past
from . import bodies, heads, media, over_time
from .rules import Looked, Rule

#: The header with the ids of the advice on a request.
HEADER = "x-rerank-mock-advice"


def _rules_of(module: ModuleType) -> tuple[Rule[...], ...]:
    return tuple(found for found in vars(module).values() if isinstance(found, Rule))


ON_HEADS: tuple[Rule[[ReceivedRequest]], ...] = _rules_of(heads)

ON_BODIES: tuple[Rule[[ReceivedRequest]], ...] = (*_rules_of(bodies), *_rules_of(media))

OVER_TIME: tuple[Rule[[Exchange, Past]], ...] = _rules_of(over_time)

RULES: tuple[Rule[...], ...] = (*ON_HEADS, *ON_BODIES, *OVER_TIME)


def advise_on_request(sent: ReceivedRequest) -> tuple[Advice, ...]:
    """Return the advice on the request by itself."""
    found: tuple[Advice, ...] = ()
    if heads.may_advise(sent):
        found += _advise(ON_HEADS, sent)
    if bodies.may_advise(sent):
        found += _advise(ON_BODIES, sent)
    return found


def advise_over_time(now: Exchange, past: Past) -> tuple[Advice, ...]:
    """Return the advice on the exchange in the light of what the caller did before."""
    return _advise(OVER_TIME, now, past) if over_time.may_advise(now, past) else ()


def _advise(
    rules: tuple[Rule[Looked], ...], *args: Looked.args, **kwargs: Looked.kwargs
) -> tuple[Advice, ...]:
    return tuple(advice for rule in rules for advice in rule.advise(*args, **kwargs))
