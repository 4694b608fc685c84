"""The plan: what a run is likely to send and to cost at most, printed before it starts.

What an example of a test sends, other than one small request, stands in its mark `sends`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pytest

from ..judging.connection import Connection
from ..judging.limits import MILLION, Budget, Effort
from ..wording import counted
from .selection import model_of

#: Input tokens of a request that is drawn, above the mean of whole runs.
DRAWN: Mapping[str, int] = {"smoke": 50, "standard": 200, "thorough": 150}
#: Those of the longest one, which each model that is tried in depth may be sent.
LONGEST = 5_000
#: Those of the plainest request, which each model is sent first, and of the fullest, which comes
#: next where the effort is wide.
PLAINEST, FULLEST = 20, 540
#: What was sent before there are tests.
ASKED = "to find out which models are served"


@dataclass(frozen=True)
class Part:
    """What a part of the run sends."""

    #: The model that it is sent to.
    name: str
    requests: int
    tokens: int
    #: The test that sends it.
    test: str = ""


@dataclass(frozen=True)
class Tests:
    """The tests of a run."""

    #: Test -> ids of the requirements that it names.
    named: Mapping[str, Sequence[str]]
    #: What they send.
    parts: Sequence[Part]


NONE = Tests({}, ())
TESTS = pytest.StashKey[Tests]()


def parts(
    tests: Iterable[tuple[pytest.Item, int]], effort: Effort, ranking: Iterable[str]
) -> Iterator[Part]:
    """What the tests send, in that order; each comes with the examples that it may draw.

    Models that are `ranking` have been sent the plainest request.
    """
    met, in_depth, ranking = set[str](), set[str](), set(ranking)
    for item, drawn in tests:
        model = model_of(item)
        if model is None:
            # It will be skipped: no model of its kind is judged.
            continue
        name = model.id
        if name not in met:
            met.add(name)
            if name not in ranking:
                yield Part(name, 1, PLAINEST, item.name)
            if effort.wide:
                yield Part(name, 1, FULLEST, item.name)
        marker = item.get_closest_marker("sends")
        sends: Mapping[str, int] = marker.kwargs if marker else {}
        examples = min(drawn, sends.get("examples", drawn))
        requests = sends.get("requests", 1)
        if not effort.wide:
            requests = sends.get("smoke", requests)
        tokens = sends.get("tokens", requests * DRAWN[effort.name])
        yield Part(name, examples * requests, examples * tokens, item.name)
        if "tokens" not in sends and examples > 1 and name not in in_depth:
            in_depth.add(name)
            yield Part(name, 0, LONGEST, item.name)


def plan(planned: Sequence[Part], connection: Connection) -> Iterator[str]:
    """Lines about the run: what it is likely to take at most, in all and by model."""
    if not planned:
        return
    budget, rpm, price = connection.budget, connection.pace.rpm, connection.price
    requests, tokens = Counter({ASKED: budget.spent}), Counter({ASKED: budget.tokens})
    cost = {ASKED: budget.cost}
    wanted, left = budget.spent, budget.limit - budget.spent
    for part in planned:
        wanted += part.requests
        if left <= 0:
            continue
        sent = min(part.requests, left)
        left -= sent
        requests[part.name] += sent
        tokens[part.name] += part.tokens * (sent or 1) // (part.requests or 1)
        cost[part.name] = tokens[part.name] * price(part.name) / MILLION
    pace = f", {counted(-(-requests.total() // rpm), 'minute')} at {rpm} a minute" if rpm else ""
    total = _amounts(requests.total(), tokens.total(), sum(cost.values(), Decimal(0)))
    yield f"plan: about {total} in all{pace} ({_limits(budget, wanted)})"
    for name in requests:
        if requests[name]:
            yield f"  {name}: {_amounts(requests[name], tokens[name], cost[name])}"


def _limits(budget: Budget, wanted: int) -> str:
    limits = [counted(budget.limit, "request")]
    if budget.token_limit is not None:
        limits.append(counted(budget.token_limit, "token"))
    if budget.cost_limit is not None:
        limits.append(f"{budget.cost_limit:f} CNY")
    whole = f"; all of it would take {wanted}" if wanted > budget.limit else ""
    return f"limit: {', '.join(limits)}{whole}"


def _amounts(requests: int, tokens: int, cost: Decimal) -> str:
    return f"{counted(requests, 'request')}, {counted(tokens, 'token')}, {cost:.4f} CNY"
