"""What a run may spend: examples, requests, and time spent waiting."""

import json
import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from decimal import Decimal
from pathlib import Path
from threading import Lock

from ..contract import Model
from ..wording import counted

MILLION = 1_000_000
#: Plain requests by which each process finds out for itself how a model ranks.
PLAIN = 2
#: Bytes of a file of amounts.
_LENGTH = 512


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

    def most_requests(self, models: Sequence[Model], processes: int = 1) -> int:
        """The most that so many processes send together which judge those models."""
        forms = {model.form for model in models}
        others = len(models) - len(forms)
        alone = len(forms) * self.requests + others * self.further
        return alone + (processes - 1) * len(models) * PLAIN


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
class Amounts:
    """What a run has spent so far, and when it may send the next request."""

    requests: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)
    #: Requests that do not count, as a busy target did not answer them.
    excused: int = 0
    #: Requests that the tests which have begun were planned to send.
    begun: int = 0
    #: By the clock of `Pace`, which all processes of a machine share.
    due: float = 0.0


class Tally:
    """Keeps the amounts: in a file, if several processes of a run share them."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._amounts = Amounts()
        self._lock = Lock()

    @contextmanager
    def held(self) -> Generator[Amounts]:
        """Yield the amounts, to be read or changed while nobody else does."""
        with self._lock:
            if self._path is None:
                yield self._amounts
            else:
                with _locked(self._path) as file:
                    amounts = Amounts(*json.loads(os.pread(file, _LENGTH, 0) or b"[]"))
                    amounts.cost = Decimal(amounts.cost)
                    yield amounts
                    # Of one length, and written at once: a process that is killed leaves it whole.
                    text = json.dumps(astuple(amounts), default=str).encode()
                    os.pwrite(file, text.ljust(_LENGTH), 0)


@contextmanager
def _locked(path: Path) -> Generator[int]:
    """Open a file that no other process has open in this way; yield its descriptor."""
    import fcntl  # noqa: PLC0415 - only POSIX has it, and one process needs none

    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


@dataclass
class Budget:
    """What a run may spend. Each limit is hard; None is no limit."""

    #: Most requests.
    limit: int
    #: Whether the limit counts requests that a busy target did not answer, too.
    hard: bool = True
    #: Most input tokens, text and images together.
    token_limit: int | None = None
    #: Most money, in CNY.
    cost_limit: Decimal | None = None
    #: What has been spent.
    tally: Tally = field(default_factory=Tally)
    #: Requests that each test is planned to send.
    planned: dict[str, int] = field(default_factory=dict[str, int])
    #: Requests that this process has sent.
    sent: int = 0

    @property
    def spent(self) -> int:
        """Requests that all processes of the run have sent."""
        with self.tally.held() as amounts:
            return amounts.requests

    @property
    def tokens(self) -> int:
        """Input tokens of those requests, as far as is known."""
        with self.tally.held() as amounts:
            return amounts.tokens

    @property
    def cost(self) -> Decimal:
        """Their price, in CNY."""
        with self.tally.held() as amounts:
            return amounts.cost

    @property
    def spare(self) -> int:
        """Requests that are left beyond what the tests to come are planned to send."""
        with self.tally.held() as amounts:
            left = self.limit + amounts.excused - amounts.requests
            return max(0, left - (sum(self.planned.values()) - amounts.begun))

    def begin(self, test: str) -> None:
        """Let a test send what it is planned to."""
        with self.tally.held() as amounts:
            amounts.begun += self.planned.get(test, 0)

    def take(self, tokens: int, price: Decimal) -> str | None:
        """Spend one request of so many tokens at CNY per million, or say what forbids it."""
        with self.tally.held() as amounts:
            cost = tokens * price / MILLION
            limit = self.limit + amounts.excused
            if amounts.requests >= limit:
                return f"the budget of {counted(limit, 'request')} is spent"
            if self.token_limit is not None and amounts.tokens + tokens > self.token_limit:
                return _short(tokens, amounts.tokens, self.token_limit, "tokens")
            if self.cost_limit is not None and amounts.cost + cost > self.cost_limit:
                return _short(cost, amounts.cost, self.cost_limit, "CNY")
            amounts.requests += 1
            amounts.tokens += tokens
            amounts.cost += cost
            self.sent += 1
            return None

    def settle(self, reserved: int, billed: int, price: Decimal) -> None:
        """Count what a request is billed for in place of what was reserved for it."""
        with self.tally.held() as amounts:
            amounts.tokens += billed - reserved
            amounts.cost += (billed - reserved) * price / MILLION

    def excuse(self) -> None:
        """Let the last request, which a busy target did not answer, not count."""
        if not self.hard:
            with self.tally.held() as amounts:
                amounts.excused += 1


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
    #: Has the time from which the next request may go out.
    tally: Tally = field(default_factory=Tally)

    def wait(self) -> None:
        """Wait until the next request may go out."""
        if self.rpm is None:
            return
        with self.tally.held() as amounts:
            now = self.clock()
            due = max(now, amounts.due)
            amounts.due = due + 60 / self.rpm
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
