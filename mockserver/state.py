"""Everything about the mock that lasts from one request to the next."""

import functools
import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Literal

from .accounts import Account, Accounts, charge, fingerprint
from .behaviour import OBSERVED, Behaviour
from .clock import Clock
from .contract import Model, Price
from .entry import Entry
from .journal import Journal, observe
from .models import Catalogue, Change
from .pins import Pins
from .quotas import LimitName, Meter, Quotas
from .scenarios import Scenarios
from .wire import Request, Response

DEFAULT_KEY = "sk-mock"

#: The form of a snapshot; a change that older files do not survive raises it.
VERSION = 1

# An odd factor permutes the numbers below any power of two: see `State._distinct`.
_SPREAD = 0x9E3779B97F4A7C15F39D


@dataclass(frozen=True, slots=True)
class Admission:
    """What was decided about a request, and where the limits of its account stand since."""

    #: What stands in the way of it, if anything does.
    refused: Literal["standing", "balance", "limit"] | None
    #: Which limit does.
    limit: LimitName | None = None
    #: CNY that were taken from the balance.
    charge: Decimal = Decimal(0)
    #: Empty when no limit was looked at.
    meters: Mapping[LimitName, Meter] = field(default_factory=dict[LimitName, Meter])


class State:
    """One mock: accounts, models, quotas, clock, ids and journal.

    Each method that decides is atomic and takes and returns plain values, so that a store which
    many processes share can stand behind it. Its parts are written through its methods alone.
    """

    def __init__(
        self,
        *,
        behaviour: Behaviour = OBSERVED,
        keys: Iterable[str] = (DEFAULT_KEY,),
        seed: int = 0,
        clock: Clock | None = None,
    ) -> None:
        self.behaviour = behaviour
        self.clock = clock or Clock()
        #: By name.
        self.accounts = Accounts()
        self.journal = Journal()
        #: Held while anything is decided or copied, by all parts.
        self.lock = threading.RLock()
        self.scenarios = Scenarios(self.lock)
        self.pins = Pins(self.lock)
        self._catalogue = Catalogue()
        self._quotas = Quotas()
        self._seed = seed
        self._drawn = 0
        for key in keys:
            self.open_account(key)
        self._beginning = self.snapshot()

    @property
    def models(self) -> Mapping[str, Model]:
        """The models by name, as they are now."""
        with self.lock:
            return self._catalogue.at(self.clock.now())

    def change_model(
        self,
        name: str,
        *,
        at: float | None = None,
        state: Literal["online", "offline"] | None = None,
        supports: Iterable[str] | None = None,
        price: Price | None = None,
    ) -> None:
        """Change what is named of a model, now or when the clock shows `at`.

        `supports` are all the gated fields that it supports from then on.
        """
        change = Change(name, state, None if supports is None else frozenset(supports), price)
        with self.lock:
            if name not in self.models:
                raise ValueError(f"there is no model {name!r}")
            if at is None:
                self._catalogue.change(change)
            else:
                self._catalogue.plan(at, change)

    def open_account(self, *keys: str, name: str | None = None, **terms: Any) -> str:  # noqa: ANN401 - see Account
        """Open an account for the keys, or for one that is made up; return the first.

        `terms` are the other fields of `Account`.
        """
        with self.lock:
            keys = keys or (f"{DEFAULT_KEY}-{self._distinct(64):016x}",)
            name = name or f"account-{len(self.accounts) + 1}"
            if name in self.accounts:
                raise ValueError(f"there is an account {name!r} already")
            self.accounts.put(Account(name, tuple(map(fingerprint, keys)), **terms))
        return keys[0]

    def change_account(self, name: str, **terms: Any) -> Account:  # noqa: ANN401 - see Account
        """Change fields of an account; return it as it is then."""
        with self.lock:
            account = replace(self.accounts[name], **terms)
            self.accounts.put(account)
            return account

    def close_account(self, name: str) -> None:
        """Close an account: its keys are unknown from then on, its counts are forgotten."""
        with self.lock:
            self.accounts.remove(name)
            self._quotas.forget(name)
            self.scenarios.disarm(name)
            self.pins.unpin(name)

    def account_of(self, key: str) -> Account | None:
        """Return the account of the key as it is now."""
        with self.lock:
            return self.accounts.of_key(key)

    def admit(
        self, account: str, model: Model, *, text_tokens: int, image_tokens: int
    ) -> Admission:
        """Decide about a request; if it may pass, count it and take its price from the balance.

        An empty balance stands in the way of what costs money. The limits are looked at last.
        """
        with self.lock:
            payer = self.accounts.get(account)
            price = charge(model.price, text_tokens, image_tokens)
            if payer is None or payer.standing == "forbidden":
                return Admission("standing")
            if price and payer.total_balance <= 0:
                return Admission("balance")
            full, meters = self._quotas.take(
                account,
                model.id,
                payer.limits_of(model.id),
                text_tokens + image_tokens,
                self.clock.now(),
            )
            if full:
                return Admission("limit", full, meters=meters)
            self.accounts.put(payer.pay(price))
            return Admission(None, charge=price, meters=meters)

    def record(
        self, account: Account | None, request: Request, response: Response, *, came: float
    ) -> Entry:
        """Write an exchange into the journal; `came` is when the request did."""
        entry = observe(
            request,
            response,
            account=account.name if account else None,
            came=came,
            now=self.clock.now(),
            models=self.models,
            is_key=lambda text: self.account_of(text) is not None,
            max_body_bytes=self.behaviour.max_body_bytes,
        )
        return self.journal.add(entry)

    def snapshot(self) -> dict[str, Any]:
        """Return all of it but the journal, as JSON that keeps `schemas/tables/state.json`."""
        with self.lock:
            return {
                "version": VERSION,
                "behaviour": asdict(self.behaviour),
                "clock": self.clock.snapshot(),
                "ids": {"seed": self._seed, "drawn": self._drawn},
                "models": self._catalogue.snapshot(),
                "accounts": self.accounts.snapshot(),
                "windows": self._quotas.snapshot(),
                "scenarios": self.scenarios.snapshot(),
                "pins": self.pins.snapshot(),
            }

    def rollback(self, snapshot: Mapping[str, Any]) -> None:
        """Be as at the snapshot. Whatever happened since is lost: money, counts, accounts, ids."""
        with self.lock:
            self.behaviour = Behaviour(**snapshot["behaviour"])
            self.clock.rollback(snapshot["clock"])
            self._seed, self._drawn = snapshot["ids"]["seed"], snapshot["ids"]["drawn"]
            self._catalogue.rollback(snapshot["models"])
            self.accounts.rollback(snapshot["accounts"])
            self._quotas.rollback(snapshot["windows"])
            self.scenarios.rollback(snapshot["scenarios"])
            self.pins.rollback(snapshot["pins"])

    def reset(self) -> None:
        """Be as in the beginning. All that happened is lost: also what others share this for."""
        self.rollback(self._beginning)

    def uuid7(self) -> str:
        """Return a new version 7 UUID as 32 hexadecimal digits, distinct even on a frozen clock."""
        milliseconds, unique = int(self.clock.now() * 1000), self._distinct(74)
        high, low = unique >> 62, unique & (1 << 62) - 1
        number = milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
        return f"{number:032x}"

    def page_id(self) -> str:
        """Return a new id as the page's example has it: `rerank-20240115-abc123def456`."""
        day = datetime.fromtimestamp(self.clock.now(), timezone.utc)
        return f"rerank-{day:%Y%m%d}-{self._distinct(48):012x}"

    def _distinct(self, bits: int) -> int:
        with self.lock:
            number = _offset(self._seed) + self._drawn * _SPREAD
            self._drawn += 1
        return number % (1 << bits)


@functools.cache
def _offset(seed: int) -> int:
    return random.Random(seed).getrandbits(74)  # noqa: S311 - ids are no secrets
