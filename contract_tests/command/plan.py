"""The plan: the most that a run will send, printed before it starts."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from ..contract import Model
from ..judging.limits import MILLION, Budget, Effort

#: Input tokens of a request, measured over whole runs and rounded up: those to the first model of
#: each form, which is sent the longest texts or images, and those to any other.
FIRST: Mapping[str, Mapping[str, int]] = {
    "smoke": {"classic": 50, "multimodal": 170},
    "standard": {"classic": 800, "multimodal": 170},
    "thorough": {"classic": 250, "multimodal": 90},
}
OTHER = 70


def plan(
    tests: Iterable[tuple[Model | None, int]],
    effort: Effort,
    budget: Budget,
    rpm: int | None,
    price: Callable[[str], Decimal],
) -> Iterator[str]:
    """Lines about the run; `tests` are models with the requests that a test of it may send."""
    requests: Counter[str] = Counter()
    tokens_each: dict[str, int] = {}
    first = dict(FIRST[effort.name])
    for model, count in tests:
        name = model.id if model else "(any model)"
        requests[name] += count
        if name not in tokens_each:
            tokens_each[name] = first.pop(model.form, OTHER) if model else OTHER
    total = min(requests.total(), budget.limit)
    minutes = f", {total / rpm:.0f} minutes at {rpm} a minute" if rpm else ""
    noun = "request" if total == 1 else "requests"
    yield f"plan: about {total} {noun}, at most {budget.limit}{minutes}"
    for name, count in requests.items():
        tokens = count * tokens_each[name]
        cost = tokens * price(name) / MILLION
        yield f"  {name}: {count} requests, {tokens} tokens, {cost:.4f} CNY"
