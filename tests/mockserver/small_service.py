"""A second, small model of the mock's life, for the tests to hold the mock against.

It shares nothing with the mock: money are whole numbers of a hundred-millionth of a yuan, times
whole seconds, and each limit is found by going through all that ever passed.
"""

from collections import deque
from dataclasses import dataclass, field

YUAN = 10**8

#: Hundred-millionths of a yuan for each token of text, and of an image.
PRICES = {
    "BAAI/bge-reranker-v2-m3": (0, 0),
    "Qwen/Qwen3-Reranker-8B": (28, 0),
    "Qwen/Qwen3-VL-Reranker-8B": (70, 180),
}
SECONDS = {"M": 60, "H": 3600, "D": 86400}


@dataclass
class Purse:
    """An account."""

    granted: int = 0
    charged: int = 100 * YUAN
    forbidden: bool = False
    limits: dict[str, int] = field(default_factory=lambda: {"RPM": 2000, "TPM": 500_000})
    #: What is still to come of scenarios: a status, or None for an answer as usual.
    script: deque[int | None] = field(default_factory=deque[int | None])
    #: Model and limit -> all that passed while it was limited, as (second, amount).
    passed: dict[tuple[str, str], list[tuple[int, int]]] = field(
        default_factory=dict[tuple[str, str], list[tuple[int, int]]]
    )

    def window(self, model: str, limit: str, now: int) -> tuple[int, int]:
        """Return when the window of a limit closes, and what passed within it."""
        length = SECONDS[limit[2]]
        opened, used = -length, 0
        for second, amount in self.passed.get((model, limit), []):
            if not opened <= second < opened + length:
                opened, used = second, 0
            used += amount
        return (opened + length, used) if opened <= now < opened + length else (now + length, 0)


@dataclass
class Product:
    """A model."""

    online: bool = True
    takes_instruction: bool = False


class SmallService:
    """Accounts by key, models, plans and a clock."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.purses: dict[str, Purse] = {}
        self.products = {name: Product() for name in PRICES}
        self.products["Qwen/Qwen3-Reranker-8B"].takes_instruction = True
        #: (second, order of planning, model, attribute of `Product`, value)
        self.plans: list[tuple[int, int, str, str, bool]] = []
        self.planned = 0

    def change(self, model: str, attribute: str, value: bool, at: int) -> None:
        """Plan a change; at the present second or before it happens at once."""
        self.planned += 1
        self.plans.append((at, self.planned, model, attribute, value))
        self.catch_up()

    def catch_up(self) -> None:
        """Let happen what is due."""
        for plan in sorted(self.plans):
            if plan[0] <= self.now:
                self.plans.remove(plan)
                setattr(self.products[plan[2]], plan[3], plan[4])

    def rerank(  # noqa: PLR0911 - one for each answer
        self, key: str, model: str, *, text: int, images: int, instruction: bool
    ) -> tuple[int, str, int]:
        """Return the status, and if it is 429 the limit and the seconds until it is open."""
        self.catch_up()
        purse = self.purses.get(key)
        if purse is None:
            return 401, "", 0
        scripted = purse.script.popleft() if purse.script else None
        if scripted is not None:
            return scripted, "", 0
        product, price = self.products[model], PRICES[model]
        if not product.online:
            return 403, "", 0
        if instruction and not product.takes_instruction:
            return 400, "", 0
        if purse.forbidden:
            return 403, "", 0
        due = price[0] * text + price[1] * images
        if due and purse.granted + purse.charged <= 0:
            return 402, "", 0
        amounts = {name: 1 if name[0] == "R" else text + images for name in purse.limits}
        full = [
            (purse.window(model, name, self.now)[0], -"RPM TPM RPH TPH RPD TPD".index(name), name)
            for name, amount in amounts.items()
            if purse.window(model, name, self.now)[1] + amount > purse.limits[name]
        ]
        if full:
            closes, _, name = max(full)
            return 429, name, closes - self.now
        for name, amount in amounts.items():
            purse.passed.setdefault((model, name), []).append((self.now, amount))
        given = min(due, max(purse.granted, 0))
        purse.granted -= given
        purse.charged -= due - given
        return 200, "", 0
