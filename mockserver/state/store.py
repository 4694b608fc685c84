"""Everything about the mock that lasts from one request to the next."""

import functools
import itertools
import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from ..behaviour import OBSERVED, Behaviour, read_behaviour
from ..contract import Model
from ..scenarios.armed import Scenarios
from ..wire import Json, Request, Response
from .accounts import Account, Accounts, Term, charge
from .accounts import check as check_account
from .clock import Clock
from .entry import Entry
from .journal import Journal, observe
from .models import Catalogue, Change
from .models import check as check_change
from .pins import Pins
from .quotas import LimitName, Meter, Quotas
from .snapshots import StateError, check_form, check_sense, read_file, write_file

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

    def change_model(self, name: str, **changes: Json) -> None:
        """Change a model now, or when the clock shows `at`.

        The changes keep `schemas/files/model_change.json`: `state`, `supports` with all the gated
        fields that it supports from then on, `price`. Raises `ModelError`.
        """
        row: dict[str, Any] = {"model": name, **changes}
        with self.lock:
            check_change(row, self._catalogue.names)
            now = self.clock.now()
            self._catalogue.plan(row.get("at", now), Change.from_json(row))
            self._catalogue.at(now)

    def open_account(self, *keys: str, name: str | None = None, **terms: Term) -> str:
        """Open an account for the keys, or for one that is made up; return the first of them.

        The terms keep `schemas/files/account.json`; money is a string or a `Decimal`. Raises
        `AccountError`.
        """
        with self.lock:
            keys = keys or (f"{DEFAULT_KEY}-{self._distinct(64):016x}",)
            row: dict[str, Any] = {
                "name": name or self._free_name(),
                "keys": list(keys),
                **_plain(terms),
            }
            check_account(row, self._catalogue.names)
            self.accounts.add(Account.from_json(row))
        return keys[0]

    def change_account(self, name: str, **terms: Term) -> Account:
        """Change terms of an account, as in `open_account`; return it as it is then."""
        with self.lock:
            row = {**self.accounts[name].to_json(), **_plain(terms)}
            check_account(row, self._catalogue.names)
            account = Account.from_json({**row, "name": name})
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
            body_bytes=self.journal.body_bytes,
        )
        return self.journal.add(entry)

    def snapshot(self) -> dict[str, Any]:
        """Return all of it, as JSON that keeps `schemas/files/state.json`.

        No key is in it: fingerprints stand in their place.
        """
        with self.lock:
            return {
                "version": VERSION,
                "behaviour": asdict(self.behaviour),
                "clock": self.clock.snapshot(),
                "ids": {"seed": self._seed, "drawn": self._drawn},
                "models": self._catalogue.snapshot(),
                "planned_changes": self._catalogue.plans(),
                "accounts": self.accounts.snapshot(),
                "windows": self._quotas.snapshot(),
                "scenarios": self.scenarios.snapshot(),
                "pins": self.pins.snapshot(),
                "journal": self.journal.snapshot(),
            }

    def rollback(self, snapshot: Mapping[str, Any]) -> None:
        """Be as at the snapshot. Whatever happened since is lost: money, counts, accounts, ids.

        A part that is absent becomes what it was in the beginning. Raises `StateError`, and then
        nothing has changed.
        """
        check_form(dict(snapshot))
        whole: dict[str, Any] = {**self._beginning, **snapshot}
        check_sense(whole)
        with self.lock:
            self.behaviour = read_behaviour(whole["behaviour"])
            self.clock.rollback(whole["clock"])
            self._seed, self._drawn = int(whole["ids"]["seed"]), int(whole["ids"]["drawn"])
            self._catalogue.rollback(whole["models"], whole["planned_changes"])
            self.accounts.rollback(whole["accounts"])
            self._quotas.rollback(whole["windows"])
            self.scenarios.rollback(whole["scenarios"])
            self.pins.rollback(whole["pins"])
            self.journal.rollback(whole["journal"])

    def reset(self) -> None:
        """Be as in the beginning. All that happened is lost, for everybody who shares the state."""
        self.rollback(self._beginning)

    def save(self, path: str | Path) -> None:
        """Write a snapshot into a file. Raises `StateError`."""
        write_file(path, self.snapshot())

    def load(self, path: str | Path) -> None:
        """Roll back to the snapshot in a file, which `reset` leads back to from then on.

        Raises `StateError`, and then nothing has changed.
        """
        snapshot = read_file(path)
        with self.lock:
            try:
                self.rollback(snapshot)
            except StateError as error:
                raise StateError(f"{path}: {error}") from None
            self._beginning = self.snapshot()

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

    def _free_name(self) -> str:
        numbers = itertools.count(len(self.accounts) + 1)
        return next(n for n in map("account-{}".format, numbers) if n not in self.accounts)

    def _distinct(self, bits: int) -> int:
        with self.lock:
            number = _offset(self._seed) + self._drawn * _SPREAD
            self._drawn += 1
        return number % (1 << bits)


def _plain(terms: Mapping[str, Term]) -> dict[str, Json]:
    return {k: f"{v:f}" if isinstance(v, Decimal) else v for k, v in terms.items()}


@functools.cache
def _offset(seed: int) -> int:
    return random.Random(seed).getrandbits(74)  # noqa: S311 - ids are no secrets
