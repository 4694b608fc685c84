"""The plan: the most that a run will send, printed before it starts."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from ..contract import Model
from ..judging.limits import MILLION, Budget, Effort

#: Input tokens of a request of the tests, measured over a whole run and rounded up.
TOKENS = {"smoke": 20, "standard": 50, "thorough": 80}


def plan(
    tests: Iterable[tuple[Model | None, int]],
    effort: Effort,
    budget: Budget,
    rpm: int | None,
    price: Callable[[str], Decimal],
) -> Iterator[str]:
    """Lines about the run; `tests` are models with the requests that a test of it may send."""
    requests: Counter[str] = Counter()
    for model, count in tests:
        requests[model.id if model else "(any model)"] += count
    total = min(requests.total(), budget.limit)
    minutes = f", {total / rpm:.0f} minutes at {rpm} a minute" if rpm else ""
    noun = "request" if total == 1 else "requests"
    yield f"plan: about {total} {noun}, at most {budget.limit}{minutes}"
    for name, count in requests.items():
        tokens = count * TOKENS[effort.name]
        cost = tokens * price(name) / MILLION
        yield f"  {name}: {count} requests, {tokens} tokens, {cost:.4f} CNY"
