"""Everything about the mock that lasts from one request to the next, behind one seam.

The way of a request needs three calls: `view`, `decide` and `record`. They take and return plain
values, so that a store that many processes share can stand in the place of this one.
"""

import functools
import itertools
import random
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..behaviour import Behaviour, load_behaviour, presets, read_behaviour
from ..contract import Contract, Model, load_contract
from ..scenarios.armed import Receipt, Scenarios
from ..scenarios.scenario import Scenario, Step
from ..validation import within
from ..wire import Json
from .accounts import Account, AccountError, Accounts, Term, charge
from .accounts import check as check_account
from .clock import Clock
from .exchanges import Exchange, Exchanges, Past
from .journal import Journal
from .models import Catalogue, Change
from .models import check as check_change
from .pins import Pin, Pins, ScoreFunction
from .quotas import LimitName, Meter, Quotas
from .snapshots import StateError, check_form, check_sense, read_file, write_file

DEFAULT_KEY = "sk-mock"

#: The form of a snapshot; a change that older files do not survive raises it.
VERSION = 1

# An odd factor permutes the numbers below any power of two: see `distinct`.
_SPREAD = 0x9E3779B97F4A7C15F39D


class View(NamedTuple):
    """What a request meets when it comes."""

    #: Seconds since the epoch.
    now: float
    behaviour: Behaviour
    #: By name.
    models: Mapping[str, Model]
    #: The account of its key.
    account: Account | None
    #: Two numbers that no other request has, from which ids are made.
    numbers: tuple[int, int]


class Demand(NamedTuple):
    """What a rerank request asks of the store."""

    account: str
    #: The step of a magic query, which holds where no scenario strikes.
    magic: Step | None
    #: What it takes of which model; None for a request that is refused.
    model: Model | None
    text_tokens: int = 0
    image_tokens: int = 0


class Admission(NamedTuple):
    """What was decided about a request, and where the limits of its account stand since."""

    #: What stands in the way of it, if anything does.
    refused: Literal["standing", "balance", "limit"] | None
    #: Which limit does.
    limit: LimitName | None = None
    #: CNY that were taken from the balance.
    charge: Decimal = Decimal(0)
    #: Empty when no limit was looked at.
    meters: Mapping[LimitName, Meter] = {}


class Decision(NamedTuple):
    """What becomes of a rerank request."""

    #: The step of a scenario, or of a magic query, that strikes it.
    step: Step | None
    #: None if it was not asked for, or if the step answers in its place.
    admission: Admission | None
    pins: Sequence[Pin]
    function: ScoreFunction | None


class State:
    """One mock: accounts, models, quotas, scenarios, pins, clock, ids and journal.

    Each method is atomic. The parts are written through these methods alone.
    """

    def __init__(
        self,
        *,
        contract: Contract | None = None,
        behaviour: Behaviour | str | None = None,
        keys: Iterable[str] = (DEFAULT_KEY,),
        seed: int = 0,
        clock: Clock | None = None,
    ) -> None:
        #: The revision that the mock keeps; the newest unless one is given.
        self.contract = contract or load_contract()
        self.clock = clock or Clock()
        self._lock = threading.RLock()
        self._accounts = Accounts()
        self._exchanges = Exchanges()
        self._scenarios = Scenarios(self._lock)
        self._pins = Pins(self._lock)
        self._catalogue = Catalogue(self.contract.models)
        self._quotas = Quotas()
        self._seed = seed
        self._drawn = 0
        #: The exchanges, to read.
        self.journal = Journal(self._exchanges, self.contract, self.is_key)
        self.behaviour = presets(self.contract)["observed"] if behaviour is None else behaviour
        for key in keys:
            self.open_account(key)
        self._beginning = self.snapshot()

    @property
    def behaviour(self) -> Behaviour:
        """The switches; the name of a preset may be set too. Raises `BehaviourError`."""
        return self._behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour | str) -> None:
        if isinstance(behaviour, str):
            behaviour = load_behaviour(behaviour, self.contract)
        self._behaviour = behaviour

    def change_behaviour(self, choices: Json) -> None:
        """Set the switches that are named, from `base` if one is named. Raises `BehaviourError`."""
        with self._lock:
            if isinstance(choices, dict) and "base" not in choices:
                choices = {**asdict(self._behaviour), **choices}
            self._behaviour = read_behaviour(choices, self.contract)

    # The way of a request.

    def view(self, key: str) -> View:
        """Return what a request with that key meets; no key is an empty text."""
        with self._lock:
            now, drawn = self.clock.now(), self._drawn
            self._drawn += 2
            account = self._accounts.of_key(key) if key else None
            models = self._catalogue.at(now)
        offset = _offset(self._seed)
        numbers = (offset + drawn * _SPREAD, offset + (drawn + 1) * _SPREAD)
        return View(now, self._behaviour, models, account, numbers)

    def decide(self, demand: Demand) -> Decision:
        """Decide about a rerank request: take a step of a scenario, then count and charge.

        A step that answers by itself costs nothing. An empty balance stands in the way of what
        costs money. The limits are looked at last.
        """
        name = demand.account
        with self._lock:
            step = self._scenarios.take(name) or demand.magic
            admission = None
            if demand.model is not None and not (step and step.answers_itself):
                admission = self._admit(name, demand.model, demand.text_tokens, demand.image_tokens)
            return Decision(step, admission, self._pins.of(name), self._pins.function_of(name))

    def _admit(self, account: str, model: Model, text_tokens: int, image_tokens: int) -> Admission:
        payer = self._accounts.get(account)
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
        if price:
            self._accounts.put(payer.pay(price))
        return Admission(None, charge=price, meters=meters)

    def record(self, exchange: Exchange) -> Past:
        """Number an exchange and keep it; return what its caller did before."""
        return self._exchanges.add(exchange)

    # What tests and `/__admin` do.

    @property
    def models(self) -> Mapping[str, Model]:
        """The models by name, as they are now."""
        with self._lock:
            return self._catalogue.at(self.clock.now())

    @property
    def planned_changes(self) -> list[dict[str, Any]]:
        """What becomes of models later, as JSON."""
        with self._lock:
            return self._catalogue.plans()

    def change_model(self, name: str, **changes: Json) -> None:
        """Change a model now, or when the clock shows `at`.

        The changes keep `schemas/files/model_change.json`: `state`, `supports` with all the gated
        fields that it supports from then on, `price`. Raises `ModelError`.
        """
        row: dict[str, Any] = {"model": name, **changes}
        with self._lock:
            check_change(row, self._catalogue.names, sorted(self.contract.gated_fields))
            now = self.clock.now()
            self._catalogue.plan(row.get("at", now), Change.from_json(row))
            self._catalogue.at(now)

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts by name, as they are now."""
        with self._lock:
            return dict(self._accounts)

    def open_account(self, *keys: str, name: str | None = None, **terms: Term) -> str:
        """Open an account for the keys, or for one that is made up; return the first of them.

        The terms keep `schemas/files/account.json`; money is a string or a `Decimal`. Raises
        `AccountError`.
        """
        with self._lock:
            if name in self._accounts:
                raise AccountError(f"there is an account {name!r} already", "name")
            keys = keys or (f"{DEFAULT_KEY}-{self._draw() % (1 << 64):016x}",)
            row: dict[str, Any] = {
                "name": name or self._free_name(),
                "keys": list(keys),
                **_plain(terms),
            }
            check_account(row, self._catalogue.names)
            self._accounts.add(Account.from_json(row))
        return keys[0]

    def change_account(self, name: str, **terms: Term) -> Account:
        """Change terms of an account, as in `open_account`; return it as it is then."""
        with self._lock:
            row = {**self._accounts[name].to_json(), **_plain(terms)}
            check_account(row, self._catalogue.names)
            account = Account.from_json({**row, "name": name})
            self._accounts.put(account)
            return account

    def close_account(self, name: str) -> Account:
        """Close an account: its keys are unknown from then on, its counts are forgotten."""
        with self._lock:
            account = self._accounts[name]
            self._accounts.remove(name)
            self._quotas.forget(name)
            self._scenarios.disarm(name)
            self._pins.unpin(name)
            return account

    def account_of(self, key: str) -> Account | None:
        """Return the account of the key as it is now."""
        with self._lock:
            return self._accounts.of_key(key)

    def is_key(self, text: str) -> bool:
        """Return whether a text is the key of an account, or was."""
        with self._lock:
            return self._accounts.knows(text)

    def arm(self, account: str, scenario: Scenario) -> Receipt:
        """Let the rerank requests of an account meet a scenario, after those armed before."""
        return self._scenarios.arm(account, scenario)

    def receipts(self, account: str | None = None) -> list[Receipt]:
        """Return the receipts of an account, or all, in the order of arming."""
        return self._scenarios.receipts(account)

    def disarm(self, account: str) -> list[Receipt]:
        """Forget the scenarios of an account; return their receipts, which tell no more."""
        return self._scenarios.disarm(account)

    def pin(self, account: str, pins: ScoreFunction | Iterable[Pin]) -> None:
        """Pin scores for an account, before what was pinned already.

        A function speaks before all pins; there is one for an account. It lives in this process,
        and is no part of snapshots: a rollback leaves it in place.
        """
        self._pins.pin(account, pins)

    def pins(self, account: str) -> tuple[Pin, ...]:
        """Return the pins of an account; the first that names a document decides."""
        return self._pins.of(account)

    def unpin(self, account: str) -> tuple[Pin, ...]:
        """Forget all that is pinned for an account; return the pins."""
        with self._lock:
            pins = self._pins.of(account)
            self._pins.unpin(account)
            return pins

    # All of it.

    def snapshot(self) -> dict[str, Any]:
        """Return all of it, as JSON that keeps `schemas/files/state.json`.

        No key is in it: fingerprints stand in their place.
        """
        with self._lock:
            return {
                "version": VERSION,
                "behaviour": asdict(self._behaviour),
                "clock": self.clock.snapshot(),
                "ids": {"seed": self._seed, "drawn": self._drawn},
                "models": self._catalogue.snapshot(),
                "planned_changes": self._catalogue.plans(),
                "accounts": self._accounts.snapshot(),
                "windows": self._quotas.snapshot(),
                "scenarios": self._scenarios.snapshot(),
                "pins": self._pins.snapshot(),
                "journal": self.journal.snapshot(),
            }

    def rollback(self, snapshot: Mapping[str, Any]) -> None:
        """Be as at the snapshot. Whatever happened since is lost: money, counts, accounts, ids.

        A part that is absent becomes what it was in the beginning. Raises `StateError`, and then
        nothing has changed.
        """
        check_form(dict(snapshot))
        whole: dict[str, Any] = {**self._beginning, **snapshot}
        check_sense(whole, self.contract)
        with self._lock:
            self._behaviour = read_behaviour(whole["behaviour"], self.contract)
            self.clock.rollback(whole["clock"])
            self._seed, self._drawn = int(whole["ids"]["seed"]), int(whole["ids"]["drawn"])
            self._catalogue.rollback(whole["models"], whole["planned_changes"])
            self._accounts.rollback(whole["accounts"])
            self._quotas.rollback(whole["windows"])
            self._scenarios.rollback(whole["scenarios"])
            self._pins.rollback(whole["pins"])
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
        with self._lock:
            with within(source=path, kind=StateError):
                self.rollback(snapshot)
            self._beginning = self.snapshot()

    def _free_name(self) -> str:
        numbers = itertools.count(len(self._accounts) + 1)
        return next(n for n in map("account-{}".format, numbers) if n not in self._accounts)

    def _draw(self) -> int:
        number = _offset(self._seed) + self._drawn * _SPREAD
        self._drawn += 1
        return number


def uuid7(now: float, number: int) -> str:
    """Return a version 7 UUID as 32 hexadecimal digits; other numbers give others."""
    unique = number & (1 << 74) - 1
    high, low = unique >> 62, unique & (1 << 62) - 1
    return f"{int(now * 1000) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low:032x}"


def page_id(now: float, number: int) -> str:
    """Return an id as the page's example has it: `rerank-20240115-abc123def456`."""
    day = datetime.fromtimestamp(now, timezone.utc)
    return f"rerank-{day:%Y%m%d}-{number & (1 << 48) - 1:012x}"


def _plain(terms: Mapping[str, Term]) -> dict[str, Json]:
    return {k: f"{v:f}" if isinstance(v, Decimal) else v for k, v in terms.items()}


@functools.cache
def _offset(seed: int) -> int:
    return random.Random(seed).getrandbits(74)  # noqa: S311 - ids are no secrets
