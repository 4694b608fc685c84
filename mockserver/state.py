"""Everything about the mock that lasts from one request to the next."""

import itertools
import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal

from .behaviour import OBSERVED, Behaviour
from .contract import MODELS
from .wire import Request, Response

#: How many exchanges the journal keeps; older ones are forgotten.
JOURNAL_LENGTH = 1000

DEFAULT_KEY = "sk-mock"

# An odd factor permutes the numbers below any power of two: see `State._distinct`.
_SPREAD = 0x9E3779B97F4A7C15F39D


@dataclass(slots=True)
class Account:
    """Whom a key belongs to."""

    name: str
    #: Money that was given, in CNY.
    granted_balance: Decimal = Decimal("0.00")
    #: Money that was paid in, in CNY.
    charged_balance: Decimal = Decimal("100.00")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request with its answer."""

    #: Seconds since the epoch, by the clock of the state.
    at: float
    #: The name of the account, or None when no valid key was sent.
    account: str | None
    #: As it came, without the key.
    request: Request
    response: Response


class State:
    """Accounts, models, clock, ids and journal of one mock."""

    def __init__(
        self,
        *,
        behaviour: Behaviour = OBSERVED,
        keys: Iterable[str] = (DEFAULT_KEY,),
        seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.behaviour = behaviour
        #: Seconds since the epoch.
        self.clock = clock
        #: Models by name; put another `Model` in place to take one offline.
        self.models = dict(MODELS)
        #: Accounts by key.
        self.accounts: dict[str, Account] = {}
        #: The last exchanges, oldest first.
        self.journal: deque[Exchange] = deque(maxlen=JOURNAL_LENGTH)
        self._count = itertools.count()
        self._offset = random.Random(seed).getrandbits(74)  # noqa: S311 - ids are no secrets
        for key in keys:
            self.open_account(key)

    def open_account(self, key: str | None = None) -> str:
        """Open an account for `key`, or for a key that the state makes up; return the key."""
        key = key or f"{DEFAULT_KEY}-{self._distinct(64):016x}"
        self.accounts[key] = Account(f"account-{len(self.accounts) + 1}")
        return key

    def record(self, account: Account | None, request: Request, response: Response) -> None:
        """Append to the journal, which never holds a key."""
        if "authorization" in request.headers:
            request = replace(request, headers={**request.headers, "authorization": "[redacted]"})
        name = account.name if account else None
        self.journal.append(Exchange(self.clock(), name, request, response))

    def uuid7(self) -> str:
        """Return a new version 7 UUID as 32 hexadecimal digits, distinct even on a frozen clock."""
        milliseconds, unique = int(self.clock() * 1000), self._distinct(74)
        high, low = unique >> 62, unique & (1 << 62) - 1
        number = milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
        return f"{number:032x}"

    def page_id(self) -> str:
        """Return a new id as the page's example has it: `rerank-20240115-abc123def456`."""
        day = datetime.fromtimestamp(self.clock(), timezone.utc)
        return f"rerank-{day:%Y%m%d}-{self._distinct(48):012x}"

    def _distinct(self, bits: int) -> int:
        return (self._offset + next(self._count) * _SPREAD) % (1 << bits)
