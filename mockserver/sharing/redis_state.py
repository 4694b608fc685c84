"""The state of several mocks, in Redis, behind the methods of `State`.

    view      one script: what has changed for this request
    decide    the rules of `State`, then one script that keeps the decision, or refuses it because
              another mock has changed the account meanwhile; then it is made anew
    record    one script

What is in memory is a copy. A change is made there first, and shared as a commit of the documents
that it has changed: the configuration, the account. Redis knows no rule of the mock.
"""

import hashlib
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..behaviour import Behaviour
from ..contract import Contract
from ..scenarios.armed import Receipt
from ..scenarios.scenario import Scenario
from ..state.accounts import Account, Accounts, Term
from ..state.clock import Clock
from ..state.decisions import ClosedError, Decision, Demand, UnavailableError, View
from ..state.entry import Entry, show
from ..state.exchanges import Exchange
from ..state.ids import distinct
from ..state.journal import Journal
from ..state.pins import Pin, PinError, ScoreFunction
from ..state.store import DEFAULT_KEY
from ..validation import MOST
from ..wire import Json
from .connection import AddressError, Change, Connection, Moved, Restored
from .documents import FIELDS, Held, StateInDocuments
from .redis_exchanges import RedisExchanges

LOG = logging.getLogger(__name__)

Result = TypeVar("Result")

#: How often a change is made anew if others are faster each time.
ROUNDS = 1000


class RedisState(StateInDocuments):
    """A state that several mocks share. A method may raise `UnavailableError`.

    The first mock of a name begins the state; those that come later join it, and take over its
    accounts, behaviour and seed instead of their own. Score functions cannot be shared.
    """

    waits = True

    def __init__(
        self,
        connection: Connection,
        *,
        contract: Contract | None = None,
        behaviour: Behaviour | str | None = None,
        keys: Iterable[str] = (DEFAULT_KEY,),
        seed: int = 0,
        clock: Clock | None = None,
        hostile: object = (),
        terms: Mapping[str, Term] | None = None,
    ) -> None:
        """Raises `ForeignStateError`, or `AddressError` for a large seed."""
        if not -(2**63) <= seed < 2**64:
            raise AddressError("the seed of a shared state has at most 64 bits")
        #: How many connections there had been when Redis was last heard.
        self._made = 0
        #: Whether this mock has begun the state.
        self.has_begun = False
        super().__init__(
            connection,
            contract=contract,
            behaviour=behaviour,
            keys=keys,
            seed=seed,
            clock=clock or Clock(source=connection.time),
            hostile=hostile,
            terms=terms,
        )

    @property
    def place(self) -> str:
        """Where the state is, without its password."""
        return self._connection.place

    # How it begins.

    def _begin(self, keys: Iterable[str]) -> None:
        self._accounts = Accounts(self._conceal)
        super()._begin(keys)
        self._exchanges = self._recorded = RedisExchanges(self._connection, self._entry_of)
        self.journal = Journal(self._exchanges, self.contract, self.is_key, self.known_keys)
        self.clock.share = self._share_clock
        self._is_joined = True
        self._join()
        self.touch()

    def _entry_of(self, exchange: Exchange) -> Entry:
        return show(exchange, self.contract, self.is_key, self.known_keys.spellings)

    def _join(self) -> None:
        """Begin the state, or join the one that there is. Raises `ForeignStateError`."""
        with self._lock:
            self._connection.share_secret()
            documents = self._documents_of(self._beginning)
            accounts = self._beginning["accounts"]
            owners = {key: account["name"] for account in accounts for key in account["keys"]}
            self.has_begun = self._connection.replace(documents, owners) is not None
            self._forget()
            self.refresh()

    def _hear(self, version: str, latest: int) -> None:
        """Hear of a version. If Redis may have lost changes, none is known any more."""
        made, self._made = self._made, self._connection.made
        if made != self._made or int(version) < latest:
            self._forget()
        self._latest = max(self._latest, int(version))

    # Answering a request.

    def view(self, key: str) -> View:
        """Return the view of a request with that key; "" means no key."""
        kept = self._accounts.kept(key) if key else ""
        expected = self._accounts.name_of(kept)
        own = "" if expected is None else self._connection.document_of(expected)
        latest = self._latest
        found = self._connection.view(self._known(self._configuration), kept, own, self._known(own))
        if found is None:
            self._begin_anew()
            return self.view(key)
        with self._lock:
            self._hear(found.version, latest)
            if self._since == "0" or found.is_reconfigured or found.owner != (expected or ""):
                self.refresh()
            else:
                self._install(found.documents)
            self._drawn = found.drawn % MOST
            return super().view(key)

    def decide(self, demand: Demand) -> Decision:
        """Decide as `State` does, for all mocks."""
        return self._change(
            partial(super().decide, demand),
            [self._connection.document_of(demand.account)],
            fields=self._fields_of,
        )

    def withdraw(self, demand: Demand, decision: Decision) -> None:
        """Take back a decision about a request that could not be answered."""
        own = self._connection.document_of(demand.account)
        self._change(partial(super().withdraw, demand, decision), [own])

    def _fields_of(self, decision: Decision) -> list[str]:
        """Return the fields that a decision may have changed; scenarios take long to write."""
        taken = ["scenarios"] if decision.taken else []
        return ["account", "windows", *taken, *(["faults"] if self.hostile else [])]

    def identify(self, *parts: object) -> int:
        """Return a number for these parts, which is the same in all mocks."""
        digest = hashlib.blake2b(key=self._connection.secret, digest_size=8)
        for part in parts:
            raw = part if isinstance(part, bytes) else repr(part).encode()
            digest.update(b"%d:" % len(raw))
            digest.update(raw)
        return int.from_bytes(digest.digest(), "big")

    # Changes, and what others have changed.

    def _change(
        self,
        change: Callable[[], Result],
        documents: Iterable[str] | Callable[[], Iterable[str]],
        fields: Callable[[Result], Collection[str]] = lambda _: FIELDS,
    ) -> Result:
        """Make a change here, and share it; if others were faster, make it anew.

        `documents` are those that it may change, and `fields` the fields of those of accounts.
        """
        with self._lock:
            if self._is_changing or not self._is_joined:
                return change()
            self._is_changing = True
            try:
                for _ in range(ROUNDS):
                    result = change()
                    names = [*(documents() if callable(documents) else documents)]
                    changes, moved = self._changes(names, fields(result))
                    if not changes:
                        return result
                    found = self._connection.commit(changes, moved)
                    if isinstance(found, str):
                        self._note(changes, found)
                        return result
                    if len(names) == 1 and found:
                        self._held.pop(names[0], None)
                        self._install({names[0]: found})
                        continue
                    for name in names:
                        self._read(name)
                    if moved:
                        # A key may have got another owner.
                        self.refresh()
                raise UnavailableError(f"the state at {self.place} changes too fast")
            except UnavailableError:
                # It may have been shared, or not.
                self._forget()
                raise
            finally:
                self._is_changing = False

    def _share(
        self,
        change: Callable[[], Result],
        documents: Iterable[str] | Callable[[], Iterable[str]],
        account: str | None = None,
    ) -> Result:
        """Make a change of a test or of `/__admin`, on what is true now.

        If it is one of an account that was there a moment ago, raise `ClosedError` if that is gone.
        """
        with self._lock:
            was_there = account in self._accounts

            def checked() -> Result:
                if was_there and account not in self._accounts:
                    raise ClosedError
                return change()

            if self._is_joined and not self._is_changing:
                self.refresh()
            return self._change(checked, documents)

    def _share_clock(self, change: Callable[[], None]) -> None:
        def changed() -> None:
            # What is due takes place, even if the clock is set back now.
            self._catalogue.at(self.clock.now())
            change()

        self._share(changed, [self._configuration])

    def _changes(
        self, names: Iterable[str], fields: Collection[str]
    ) -> tuple[list[Change], list[Moved]]:
        """Return what differs from what is known of these documents, and the keys that move."""
        changes, moved = list[Change](), list[Moved]()
        for name in names:
            held = self._held.get(name)
            known: Mapping[str, bytes] = held.fields if held else {}
            expected = held.version if held else ""
            found = self._document(name, fields)
            if found is None:
                if held:
                    changes.append(Change(name, expected, None))
            elif changed := {f: value for f, value in found.items() if known.get(f) != value}:
                changes.append(Change(name, expected, changed))
            account = self._connection.account_of(name)
            if account is not None:
                before, now = held.keys if held else frozenset[str](), self._keys_of(account)
                moved += [Moved(key, account, is_gone=True) for key in before - now]
                moved += [Moved(key, account) for key in now - before]
        return changes, moved

    def _note(self, changes: Iterable[Change], version: str) -> None:
        """Note that the changes are shared."""
        self._latest = max(self._latest, int(version))
        for name, _, fields in changes:
            account = self._connection.account_of(name)
            if fields is None:
                self._held.pop(name, None)
                continue
            held = self._held.get(name)
            known: Mapping[str, bytes] = held.fields if held else {}
            keys = frozenset[str]() if account is None else self._keys_of(account)
            self._held[name] = Held(version, {**known, **fields}, keys)

    def _known(self, name: str) -> str:
        """Return the version of a document that is known; empty if none is."""
        held = self._held.get(name)
        return held.version if held else ""

    def _read(self, name: str) -> None:
        """Read a document again, whatever is known of it."""
        document = self._connection.document(name)
        self._held.pop(name, None)
        if document is None:
            self._install({}, [name])
        else:
            self._install({name: document})

    def refresh(self) -> None:
        """Take over what other mocks have changed."""
        with self._lock:
            since, changed = self._since, self._connection.changes(self._since)
            if changed:
                self._hear(changed.version, self._latest)
            if changed and self._since != since:
                changed = self._connection.changes(self._since)
            if changed is None:
                self._begin_anew()
                return
            gone = changed.gone
            if changed.is_all:
                here = map(self._connection.document_of, self._accounts)
                gone = [name for name in here if name not in changed.documents]
            self._install(changed.documents, gone)
            self._accounts.remember(changed.former)
            self._since = changed.version

    def _begin_anew(self) -> None:
        """Begin anew after Redis has lost the state, or join whoever was faster."""
        LOG.warning("the state at %s is gone: it begins anew", self._connection.place)
        self._join()

    # Used by tests and `/__admin`.

    def touch(self) -> None:
        """Keep the state for another week, as mocks that are running do."""
        self._connection.touch()

    def _draw(self) -> int:
        if not self._is_joined:
            return super()._draw()
        return distinct(self._seed, self._connection.draw() % MOST)

    def _set_behaviour(self, behaviour: Behaviour | str) -> None:
        self._share(partial(super()._set_behaviour, behaviour), [self._configuration])

    def change_behaviour(self, choices: Json) -> None:
        """Change the given switches, from `base` if it is given. Raises `BehaviourError`."""
        self._share(partial(super().change_behaviour, choices), [self._configuration])

    def change_model(self, name: str, **changes: Json) -> None:
        """Change a model now, or at the time `at`; see `State`."""
        self._share(partial(super().change_model, name, **changes), [self._configuration])

    def add_model(self, name: str, *, like: str, **changes: Json) -> None:
        """Add a model that is like another one, but for the changes; see `State`."""
        self._share(partial(super().add_model, name, like=like, **changes), [self._configuration])

    def remove_model(self, name: str) -> None:
        """Remove a model, and the limits that accounts have for it. Raises `ModelError`."""
        self._share(
            partial(super().remove_model, name),
            lambda: [self._configuration, *self._own_documents()],
        )

    def open_account(self, *keys: str, name: str | None = None, **terms: Term) -> str:
        """Open an account; see `State`."""
        # The new one is the last.
        return self._share(
            partial(super().open_account, *keys, name=name, **terms),
            lambda: self._own_documents()[-1:],
        )

    def change_account(self, name: str, **terms: Term) -> Account:
        """Change terms of an account, as in `open_account`; return the changed account."""
        change = partial(super().change_account, name, **terms)
        return self._share(change, [self._connection.document_of(name)], name)

    def close_account(self, name: str) -> Account:
        """Close an account; its keys are no longer valid, its counts are deleted."""
        close = partial(super().close_account, name)
        return self._share(close, [self._connection.document_of(name)], name)

    def account_of(self, key: str) -> Account | None:
        """Return the account of the key."""
        self.refresh()
        return super().account_of(key)

    def is_key(self, text: str) -> bool:
        """Return whether a text is or was the key of an account."""
        with self._lock:
            # A text may have thousands of words: not each is worth asking Redis for.
            if not super().is_key(text) and self._latest > int(self._since):
                self.refresh()
            return super().is_key(text)

    def arm(self, account: str, scenario: Scenario) -> Receipt:
        """Arm a scenario for the rerank requests of an account, after those armed before."""
        own = self._connection.document_of(account)
        return self._share(partial(super().arm, account, scenario), [self._counts, own], account)

    def disarm(self, account: str) -> list[Receipt]:
        """Remove the scenarios of an account; return their receipts, no longer updated."""
        own = self._connection.document_of(account)
        return self._share(partial(super().disarm, account), [own], account)

    def pin(self, account: str, pins: ScoreFunction | Iterable[Pin]) -> None:
        """Pin scores for an account; the latest pins come first. Raises `PinError`."""
        if callable(pins):
            raise PinError("a score function cannot be shared with other mocks: pin scores instead")
        own = self._connection.document_of(account)
        self._share(partial(super().pin, account, [*pins]), [own], account)

    def unpin(self, account: str) -> tuple[Pin, ...]:
        """Remove the pins of an account; return them."""
        own = self._connection.document_of(account)
        return self._share(partial(super().unpin, account), [own], account)

    # The whole state.

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state, as JSON that keeps `schemas/files/state.json`."""
        with self._lock:
            if self._is_joined:
                self.refresh()
                self._drawn = int(self._connection.call("get", self._connection.own("drawn")) or 0)
            return super().snapshot()

    def rollback(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a snapshot, for all mocks; see `State`. Raises `StateError`."""
        with self._lock:
            self.refresh()
            self._is_changing = True
            try:
                super().rollback(snapshot)
                names = [self._configuration, self._counts, self._first, *self._own_documents()]
                documents = {name: self._document(name, FIELDS) or {} for name in names}
                owners = {key: a.name for a in self._accounts.values() for key in a.keys}
                restored = Restored(self._drawn, *self._recorded.restored)
                version = self._connection.replace(documents, owners, restored)
                assert version is not None
                self._held = {}
                self._note([Change(name, "", documents[name]) for name in names], version)
            except UnavailableError:
                self._forget()
                raise
            finally:
                self._is_changing = False

    def reset(self) -> None:
        """Restore the initial state, for everyone who shares it."""
        with self._lock:
            self.refresh()
            super().reset()

    def load(self, path: str | Path) -> None:
        """Restore the snapshot in a file, which becomes the initial state for `reset`."""
        with self._lock:
            super().load(path)
            self._change(lambda: None, [self._first])
