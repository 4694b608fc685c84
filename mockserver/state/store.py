"""Everything that lasts from one request to the next, behind one interface.

To answer a request takes three calls: `view`, `decide` and `record`. They take and return plain
values, so that a store shared by several processes can replace this one.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..behaviour import Behaviour, check_behaviour, load_behaviour, presets, read_behaviour
from ..contract import Contract, Model, load_contract
from ..redaction import KnownKeys, Redactor
from ..scenarios.armed import Receipt, Scenarios
from ..scenarios.hostile import Faults, Hostile, read_hostile
from ..scenarios.scenario import Scenario
from ..validation import MOST, likely, within
from ..wire import Json, Request
from .accounts import Account, AccountError, Accounts, Term, charge, is_kept, plain_terms
from .accounts import check as check_account
from .clock import Clock
from .decisions import Admission, Decision, Demand, View, unusual
from .exchanges import Exchange, Exchanges, Past
from .ids import distinct
from .journal import Journal
from .models import Catalogue, Change, ModelError, added, plain_changes
from .models import check as check_change
from .pins import Pin, Pins, ScoreFunction
from .quotas import LimitName, Meter, Quotas, Use
from .recordings import Recordings, Unrecorded
from .snapshots import StateError, check_form, check_sense, read_file, write_file
from .tape import Tape

DEFAULT_KEY = "sk-mock"

#: The version of the snapshot format; incremented by incompatible changes.
VERSION = 1


class State:
    """One mock: accounts, models, quotas, scenarios, pins, clock, ids and journal.

    Each method is atomic. Only these methods change the parts.
    """

    #: Whether a method may wait for another process, so that no event loop should call it.
    waits = False

    def __init__(
        self,
        *,
        contract: Contract | None = None,
        behaviour: Behaviour | str | None = None,
        keys: Iterable[str] = (DEFAULT_KEY,),
        seed: int = 0,
        clock: Clock | None = None,
        hostile: object = (),
        terms: Mapping[str, Term] | None = None,
        recordings: Recordings | None = None,
        unrecorded: Unrecorded = "refuse",
    ) -> None:
        #: The revision of the contract; by default the newest.
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
        #: What is replayed, if anything; it is rewound, but not part of snapshots.
        self.tape = None if recordings is None else Tape(recordings, unrecorded)
        #: The ways in which answers are hostile, and the seed that they depend on.
        self.hostile: frozenset[Hostile] = read_hostile(hostile)
        self.seed = seed
        self._faults = Faults(self.contract, seed)
        #: The keys that accounts have or had, as far as this process has seen them.
        self.known_keys = KnownKeys()
        #: The recorded exchanges.
        self.journal = Journal(self._exchanges, self.contract, self.is_key, self.known_keys)
        self.behaviour = presets(self.contract)["observed"] if behaviour is None else behaviour
        #: Terms that differ in each new account.
        self._terms = plain_terms(terms or {})
        self._begin(keys)

    def _begin(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.open_account(key)
        self._beginning = self.snapshot()

    def refresh(self) -> None:
        """Take over what other mocks have changed, if the state is shared."""

    def touch(self) -> None:
        """Keep the state from being forgotten, if it is shared."""

    @property
    def behaviour(self) -> Behaviour:
        """The switches. It can be set to the name of a preset; raises `BehaviourError`."""
        return self._behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour | str) -> None:
        self._set_behaviour(behaviour)

    def _set_behaviour(self, behaviour: Behaviour | str) -> None:
        if isinstance(behaviour, str):
            behaviour = load_behaviour(behaviour, self.contract)
        check_behaviour(behaviour)
        self._behaviour = behaviour
        self._exchanges.forgive()

    def change_behaviour(self, choices: Json) -> None:
        """Change the given switches, from `base` if it is given. Raises `BehaviourError`."""
        with self._lock:
            if isinstance(choices, dict) and "base" not in choices:
                choices = {**self._behaviour.to_json(), **choices}
            self.behaviour = read_behaviour(choices, self.contract)

    # Answering a request.

    def view(self, key: str) -> View:
        """Return the view of a request with that key; "" means no key."""
        with self._lock:
            now, drawn = self.clock.now(), self._drawn
            self._drawn = (drawn + 2) % MOST
            account = self._accounts.of_key(key) if key else None
            if account:
                self.known_keys.add(key)
            models = self._catalogue.at(now)
            behaviour = self._behaviour
        numbers = distinct(self._seed, drawn), distinct(self._seed, drawn + 1)
        view = View(now, behaviour, models, account, numbers)
        is_usual = not self.hostile and not (account and account.latency)
        return view if is_usual else unusual(view, self.hostile)

    def decide(self, demand: Demand) -> Decision:
        """Take the next step of a scenario, then count and charge a rerank request.

        A step that replaces the answer costs nothing. A request that costs money needs a positive
        balance. The limits are checked last.
        """
        name = demand.account
        with self._lock:
            taken = self._scenarios.take(name, demand.subject)
            step = (taken and taken.step) or demand.magic
            if step is None and demand.model and "faults" in self.hostile:
                step = self._faults.take(name, demand.asked)
            admission = None
            if demand.model is not None and not (step and step.answers_itself):
                admission = self._admit(name, demand.model, demand.text_tokens, demand.image_tokens)
            pins, function = self._pins.of(name), self._pins.function_of(name)
            return Decision(step, admission, pins, function, taken)

    def _admit(self, account: str, model: Model, text_tokens: int, image_tokens: int) -> Admission:
        payer = self._accounts.get(account)
        price = charge(model.price, text_tokens, image_tokens)
        if payer is None or payer.standing == "forbidden":
            return Admission("standing")
        if price and payer.total_balance <= 0:
            return Admission("balance")
        meters: dict[LimitName, Meter] = {}
        if limits := payer.limits_of(model.id):
            tokens = text_tokens + image_tokens
            now = self.clock.now()
            full, meters = self._quotas.take(account, model.id, limits, tokens, now)
            if full:
                return Admission("limit", full, meters=meters)
        granted = Decimal(0)
        if price:
            paid = payer.pay(price)
            granted = payer.granted_balance - paid.granted_balance
            self._accounts.put(paid)
        return Admission(None, charge=price, granted=granted, meters=meters)

    def withdraw(self, demand: Demand, decision: Decision) -> None:
        """Take back a decision about a request that could not be answered."""
        name, admission = demand.account, decision.admission
        with self._lock:
            if decision.taken:
                self._scenarios.give_back(name, decision.taken)
            elif decision.step is not demand.magic:
                self._faults.give_back(name, demand.asked)
            payer = self._accounts.get(name)
            if payer is None or demand.model is None or admission is None or admission.refused:
                return
            tokens = demand.text_tokens + demand.image_tokens
            self._quotas.give_back(name, demand.model.id, admission.meters, tokens)
            charged = admission.charge - admission.granted
            self._accounts.put(payer.get_back(admission.granted, charged))

    def identify(self, *parts: Any) -> int:  # noqa: ANN401 - texts, bytes, numbers, None
        """Return a number for these parts, equal for equal ones and for those alone."""
        return hash(parts)

    def record(self, exchange: Exchange) -> Past:
        """Number an exchange and keep it; return what its caller did before."""
        return self._exchanges.add(exchange)

    def correct(self, exchange: Exchange) -> None:
        """Keep what has changed of a recorded exchange: its answer, or its advice."""
        self._exchanges.correct(exchange)

    # Used by tests and `/__admin`.

    @property
    def models(self) -> Mapping[str, Model]:
        """The models by name, as they are now."""
        with self._lock:
            return self._catalogue.at(self.clock.now())

    @property
    def planned_changes(self) -> list[dict[str, Any]]:
        """The planned changes of models, as JSON."""
        return self._catalogue.plans()

    def change_model(self, name: str, **changes: Json) -> None:
        """Change a model now, or at the time `at`.

        The changes keep `schemas/files/model_change.json`: `state`, `price`, and `supports` with
        all gated fields that the model supports afterwards. Raises `ModelError`.
        """
        row: dict[str, Any] = {"model": name, **plain_changes(changes)}
        with self._lock:
            check_change(row, self._catalogue.names, sorted(self.contract.gated_fields))
            now = self.clock.now()
            self._catalogue.plan(row.get("at", now), Change.from_json(row))
            self._catalogue.at(now)
            self._exchanges.forgive()

    def add_model(self, name: str, *, like: str, **changes: Json) -> None:
        """Add a model that is like another one, but for the changes.

        `like` is the name of that one. The changes keep `schemas/files/models.json`: `price`,
        `supports`, `form`, `family`, `context_tokens` and `state`. Raises `ModelError`.
        """
        with self._lock:
            if name in self.models:
                raise ModelError(f"model {name!r} already exists")
            base, plain = self._model(like), plain_changes(changes)
            self._catalogue.put(added(name, base, plain, sorted(self.contract.gated_fields)))
            self._exchanges.forgive()

    def remove_model(self, name: str) -> None:
        """Remove a model, and the limits that accounts have for it. Raises `ModelError`."""
        with self._lock:
            self._model(name)
            if len(self._catalogue.names) == 1:
                raise ModelError("the last model cannot be removed")
            self._catalogue.remove(name)
            self._quotas.forget_model(name)
            for account in [*self._accounts.values()]:
                others = {key: own for key, own in account.model_limits.items() if key != name}
                self._accounts.put(replace(account, model_limits=others))
            self._exchanges.forgive()

    def _model(self, name: str) -> Model:
        models = self.models
        if name not in models:
            raise ModelError(f"there is no model {name!r}{likely(name, [*models])}")
        return models[name]

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts by name, as they are now."""
        with self._lock:
            return dict(self._accounts)

    def uses(self) -> list[Use]:
        """Return how much accounts have used of their limits; only of windows that are open."""
        with self._lock:
            return self._quotas.uses(self._accounts.limits_of, self.clock.now())

    def open_account(self, *keys: str, name: str | None = None, **terms: Term) -> str:
        """Open an account with the keys, or with a generated one; return the first key.

        The terms keep `schemas/files/account.json`; see `plain_terms` for what else they may be.
        Raises `AccountError`.
        """
        with self._lock:
            if name in self._accounts:
                raise AccountError(f"account {name!r} already exists", "name")
            drawn = self._drawn
            keys = keys or (f"{DEFAULT_KEY}-{self._draw() % (1 << 64):016x}",)
            row: dict[str, Any] = {
                "name": name or self._accounts.free_name(),
                "keys": list(keys),
                **self._terms,
                **plain_terms(terms),
            }
            try:
                check_account(row, self._catalogue.names)
                self._accounts.add(Account.from_json(row))
            except AccountError:
                self._drawn = drawn
                raise
            self._remember(keys)
            self._exchanges.forgive()
        return keys[0]

    def change_account(self, name: str, **terms: Term) -> Account:
        """Change terms of an account, as in `open_account`; return the changed account."""
        with self._lock:
            row = {**self._accounts[name].to_json(), **plain_terms(terms)}
            check_account(row, self._catalogue.names)
            account = Account.from_json({**row, "name": name})
            self._accounts.put(account)
            self._remember(row["keys"])
            self._exchanges.forgive()
            return account

    def _remember(self, keys: Iterable[str]) -> None:
        for key in keys:
            if not is_kept(key):
                self.known_keys.add(key)

    def close_account(self, name: str) -> Account:
        """Close an account; its keys are no longer valid, its counts are deleted."""
        with self._lock:
            account = self._accounts[name]
            self._accounts.remove(name)
            self._quotas.forget(name)
            self._scenarios.disarm(name)
            self._pins.unpin(name)
            return account

    def account_of(self, key: str) -> Account | None:
        """Return the account of the key."""
        with self._lock:
            return self._accounts.of_key(key)

    def is_key(self, text: str) -> bool:
        """Return whether a text is or was the key of an account."""
        with self._lock:
            return self._accounts.knows(text)

    def redact(self, text: str) -> str:
        """Return a text without the keys of accounts."""
        redactor = Redactor(Request("", "", "", {}, b""), self.is_key, self.known_keys.spellings)
        return redactor.text(text)

    def arm(self, account: str, scenario: Scenario) -> Receipt:
        """Arm a scenario for the rerank requests of an account, after those armed before."""
        return self._scenarios.arm(account, scenario)

    def receipts(self, account: str | None = None) -> list[Receipt]:
        """Return the receipts of an account, or all, in the order of arming."""
        return self._scenarios.receipts(account)

    def disarm(self, account: str) -> list[Receipt]:
        """Remove the scenarios of an account; return their receipts, no longer updated."""
        return self._scenarios.disarm(account)

    def pin(self, account: str, pins: ScoreFunction | Iterable[Pin]) -> None:
        """Pin scores for an account; the latest pins come first.

        A function takes precedence over pins; an account has at most one. It is not part of
        snapshots, so a rollback keeps it.
        """
        self._pins.pin(account, pins, self.models)

    def pins(self, account: str) -> tuple[Pin, ...]:
        """Return the pins of an account; the first that has a document applies."""
        return self._pins.of(account)

    def unpin(self, account: str) -> tuple[Pin, ...]:
        """Remove the pins and the function of an account; return the pins."""
        with self._lock:
            pins = self._pins.of(account)
            self._pins.unpin(account)
        return pins

    # The whole state.

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state, as JSON that keeps `schemas/files/state.json`.

        It contains fingerprints instead of keys.
        """
        with self._lock:
            journal = self.journal.snapshot()
            whole = {
                "version": VERSION,
                "behaviour": self._behaviour.to_json(),
                "clock": self.clock.snapshot(),
                "ids": {"seed": self._seed, "drawn": self._drawn},
                "models": self._catalogue.snapshot(),
                "planned_changes": self._catalogue.plans(),
                "accounts": self._accounts.snapshot(),
                "windows": self._quotas.snapshot(),
                "scenarios": self._scenarios.snapshot(),
                "pins": self._pins.snapshot(),
            }
        return {**whole, "journal": journal()}

    def rollback(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a snapshot. Everything since is lost: money, counts, accounts, ids.

        A part that is absent is restored to its initial state. Raises `StateError` without
        changing anything.
        """
        check_form(dict(snapshot))
        whole: dict[str, Any] = {**self._beginning, **snapshot}
        # Made before the lock is taken: of many accounts that takes long.
        accounts = check_sense(whole, self.contract, self._accounts.empty())
        with self._lock:
            self._behaviour = read_behaviour(whole["behaviour"], self.contract)
            self.clock.rollback(whole["clock"])
            self._seed, self._drawn = int(whole["ids"]["seed"]), int(whole["ids"]["drawn"])
            self._catalogue.rollback(whole["models"], whole["planned_changes"])
            self._accounts.rollback(accounts)
            for row in whole["accounts"]:
                self._remember(row["keys"])
            self._quotas.rollback(whole["windows"])
            self._scenarios.rollback(whole["scenarios"])
            self._pins.rollback(whole["pins"])
            self.journal.rollback(whole["journal"])
            self._faults.forget()
            if self.tape:
                self.tape.rewind()

    def reset(self) -> None:
        """Restore the initial state, for everyone who shares it."""
        self.rollback(self._beginning)

    def save(self, path: str | Path) -> None:
        """Write a snapshot to a file. Raises `StateError`."""
        write_file(path, self.snapshot())

    def load(self, path: str | Path) -> None:
        """Restore the snapshot in a file, which becomes the initial state for `reset`.

        Raises `StateError` without changing anything.
        """
        snapshot = read_file(path)
        with self._lock:
            with within(source=path, kind=StateError):
                self.rollback(snapshot)
            self._beginning = self.snapshot()

    def _draw(self) -> int:
        number = distinct(self._seed, self._drawn)
        self._drawn = (self._drawn + 1) % MOST
        return number
