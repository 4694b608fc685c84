"""What a run may spend: examples, requests, and time spent waiting."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Lock

from ..contract import Model
from ..wording import counted

MILLION = 1_000_000


@dataclass(frozen=True)
class Effort:
    """How hard to look."""

    name: str
    #: Examples that each property draws.
    examples: int
    #: Most requests for the first model of each form.
    requests: int
    #: Most requests for each further model.
    further: int
    #: Whether every model and every wrong type is tried, or only the most telling ones.
    wide: bool
    #: Requests that making one counterexample smaller may cost.
    shrinking: int
    #: Models that are asked what the contract leaves open.
    asked: int = 1

    def most_requests(self, models: Sequence[Model]) -> int:
        """The most that a run sends which judges those models."""
        forms = {model.form for model in models}
        return len(forms) * self.requests + (len(models) - len(forms)) * self.further


EFFORTS = {
    effort.name: effort
    for effort in (
        Effort("smoke", examples=1, requests=60, further=20, wide=False, shrinking=5),
        Effort("standard", examples=3, requests=400, further=60, wide=True, shrinking=20),
        Effort(
            "thorough", examples=25, requests=4000, further=60, wide=True, shrinking=100, asked=3
        ),
    )
}


@dataclass
class Budget:
    """What a run may spend, and has spent. Each limit is hard; None is no limit."""

    #: Most requests.
    limit: int
    #: Whether the limit counts requests that a busy target did not answer, too.
    hard: bool = True
    #: Most input tokens, text and images together.
    token_limit: int | None = None
    #: Most money, in CNY.
    cost_limit: Decimal | None = None
    #: Requests that each test to come is planned to send.
    planned: dict[str, int] = field(default_factory=dict[str, int])
    spent: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def spare(self) -> int:
        """Requests that are left beyond what is planned."""
        return max(0, self.limit - self.spent - sum(self.planned.values()))

    def take(self, tokens: int, price: Decimal) -> str | None:
        """Spend one request of so many tokens at CNY per million, or say what forbids it."""
        with self._lock:
            cost = tokens * price / MILLION
            if self.spent >= self.limit:
                return f"the budget of {counted(self.limit, 'request')} is spent"
            if self.token_limit is not None and self.tokens + tokens > self.token_limit:
                return _short(tokens, self.tokens, self.token_limit, "tokens")
            if self.cost_limit is not None and self.cost + cost > self.cost_limit:
                return _short(cost, self.cost, self.cost_limit, "CNY")
            self.spent += 1
            self.tokens += tokens
            self.cost += cost
            return None

    def settle(self, reserved: int, billed: int, price: Decimal) -> None:
        """Count what a request is billed for in place of what was reserved for it."""
        with self._lock:
            self.tokens += billed - reserved
            self.cost += (billed - reserved) * price / MILLION

    def excuse(self) -> None:
        """Let the last request, which a busy target did not answer, not count."""
        if not self.hard:
            with self._lock:
                self.limit += 1


def _short(needed: int | Decimal, spent: int | Decimal, limit: int | Decimal, unit: str) -> str:
    """Why a request is not sent that may need more than is left."""
    needed, left, limit = (Decimal(amount) for amount in (needed, limit - spent, limit))
    if left <= 0:
        return f"the budget of {limit:f} {unit} is spent"
    return f"a request may need {needed:f} {unit}, and {left:f} of {limit:f} {unit} are left"


@dataclass
class Pace:
    """Keeps requests apart, so that a rate is never exceeded."""

    #: Most requests per minute; None is no limit.
    rpm: int | None = None
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)
    _due: float = 0.0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def wait(self) -> None:
        """Wait until the next request may go out."""
        if self.rpm is None:
            return
        with self._lock:
            now = self.clock()
            due = max(now, self._due)
            self._due = due + 60 / self.rpm
        self.sleep(due - now)


@dataclass
class Startup:
    """How long to wait for a target that has never answered."""

    #: Seconds in all, from the first time that it did not.
    seconds: float = 0.0
    #: Seconds between two attempts.
    step: float = 1.0
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)
    _began: float | None = None

    @property
    def advice(self) -> str:
        """What more waiting may do, or what was waited already."""
        if self.seconds:
            return f"--wait has waited for {counted(self.seconds, 'second')}"
        return "--wait SECONDS waits until it is"

    def waits(self) -> bool:
        """Wait a little. False if that is too long."""
        now = self.clock()
        if self._began is None:
            self._began = now
        if now + self.step > self._began + self.seconds:
            return False
        self.sleep(self.step)
        return True


@dataclass
class Patience:
    """How long to wait for a target that is busy or limits its rate."""

    #: Longest single wait, in seconds.
    longest: float = 60.0
    #: Seconds left for the whole run.
    left: float = 300.0
    sleep: Callable[[float], None] = field(default=time.sleep)

    def waits(self, before: int, retry_after: str | None) -> bool:
        """Wait as long as the target asks for, or else 1, 2, 4, … seconds. False if too long.

        `before` is how often it was waited in vain: a target that asks for no wait again
        and again is asked more and more rarely, too.
        """
        seconds = 2.0**before
        if retry_after and retry_after.isdecimal():
            seconds = max(float(retry_after), seconds - 1)
        if seconds > min(self.longest, self.left):
            return False
        self.left -= seconds
        self.sleep(seconds)
        return True
