"""A state as documents, which are all that Redis knows of it: JSON by the names of fields.

configuration   behaviour, clock, models, and what is drawn from
counts          how many scenarios were armed
beginning       what a reset restores
an account      its terms, windows, scenarios, pins and faults
"""

import hmac
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import orjson

from ..behaviour import read_behaviour
from ..scenarios.hostile import Faults, read_hostile
from ..state.accounts import CONCEALED, Account
from ..state.store import State
from .connection import Connection, Document, ForeignStateError

#: The fields of the document of an account.
FIELDS = ("account", "windows", "scenarios", "pins", "faults")


class Held(NamedTuple):
    """A document as this mock knows it."""

    version: str
    fields: Mapping[str, bytes]
    #: Of an account, its keys as they are kept.
    keys: frozenset[str] = frozenset()


class StateInDocuments(State):
    """A state that can be written as documents, and take over what they say."""

    def __init__(self, connection: Connection, **options: Any) -> None:  # noqa: ANN401 - of `State`
        self._connection = connection
        names = ("configuration", "counts", "beginning")
        self._configuration, self._counts, self._first = map(connection.own, names)
        #: Whether changes are shared yet, and whether one is being made.
        self._is_joined = self._is_changing = False
        self._forget()
        super().__init__(**options)

    def _forget(self) -> None:
        """Take nothing that is in memory for true."""
        self._held: dict[str, Held] = {}
        #: The version up to which every change is known, and the latest that was heard of.
        self._since, self._latest = "0", 0

    def _documents_of(self, snapshot: Mapping[str, Any]) -> dict[str, dict[str, bytes]]:
        """Return the documents of a snapshot, by name."""
        documents = {
            self._configuration: self._configured(snapshot),
            self._counts: _written({"armed": snapshot["scenarios"]["armed"]}),
            self._first: _written({"snapshot": snapshot}),
        }
        for account in snapshot["accounts"]:
            name = account["name"]
            receipts = snapshot["scenarios"]["receipts"]
            documents[self._connection.document_of(name)] = _written(
                {
                    "account": account,
                    "windows": [row for row in snapshot["windows"] if row["account"] == name],
                    "scenarios": [row for row in receipts if row["account"] == name],
                    "pins": snapshot["pins"].get(name, []),
                    "faults": [],
                }
            )
        return documents

    def _configured(self, snapshot: Mapping[str, Any]) -> dict[str, bytes]:
        """Return the fields of the configuration."""
        return _written(
            {
                "contract": self.contract.revision,
                # Who has another secret would not recognise the keys.
                "secret": self._conceal(""),
                "seed": snapshot["ids"]["seed"],
                "hostile": sorted(self.hostile),
                **{n: snapshot[n] for n in ("behaviour", "clock", "models", "planned_changes")},
            }
        )

    def _document(self, name: str, fields: Collection[str]) -> dict[str, bytes] | None:
        """Return a document as it is here, of an account only these fields."""
        if name == self._first:
            return _written({"snapshot": self._beginning})
        if name == self._counts:
            return _written({"armed": self._scenarios.armed})
        account = self._connection.account_of(name)
        if account is None:
            return self._configured(
                {
                    "ids": {"seed": self._seed},
                    "behaviour": self._behaviour.to_json(),
                    "clock": self.clock.snapshot(),
                    "models": self._catalogue.snapshot(),
                    "planned_changes": self._catalogue.plans(),
                }
            )
        if account not in self._accounts:
            return None
        write: Mapping[str, Callable[[], Any]] = {
            "account": self._accounts[account].to_json,
            "windows": partial(self._quotas.of, account),
            "scenarios": lambda: [r.to_json() for r in self._scenarios.receipts(account)],
            "pins": lambda: [pin.to_json() for pin in self._pins.of(account)],
            "faults": partial(self._faults.of, account),
        }
        return _written({field: write[field]() for field in fields})

    def _keys_of(self, account: str) -> frozenset[str]:
        found = self._accounts.get(account)
        return frozenset() if found is None else frozenset(found.keys)

    def _own_documents(self) -> list[str]:
        return [*map(self._connection.document_of, self._accounts)]

    def _install(self, documents: Mapping[str, Document], gone: Iterable[str] = ()) -> None:
        """Take over documents, unless they are known, and that others are gone.

        Raises `ForeignStateError`.
        """
        try:
            if self._configuration in documents:
                self._check(documents[self._configuration].fields)
            self._take_over(documents, gone)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            self._forget()
            raise ForeignStateError(
                f"the state at {self._connection.place} cannot be read: perhaps another version of"
                " rerank-mock has written it"
            ) from None

    def _take_over(self, documents: Mapping[str, Document], gone: Iterable[str]) -> None:
        changed: dict[str, dict[str, Any]] = {}
        for name, (version, fields) in documents.items():
            held = self._held.get(name)
            if held and int(held.version) >= int(version):
                continue
            known: Mapping[str, bytes] = held.fields if held else {}
            differing = [field for field, value in fields.items() if known.get(field) != value]
            changed[name] = {field: orjson.loads(fields[field]) for field in differing}
            keys = held.keys if held else frozenset[str]()
            self._held[name] = Held(version, fields, keys)
        if self._configuration in changed:
            self._configure(changed.pop(self._configuration))
        self._scenarios.armed = changed.pop(self._counts, {}).get("armed", self._scenarios.armed)
        self._beginning = changed.pop(self._first, {}).get("snapshot", self._beginning)
        self._renew_accounts(changed, gone)

    def _check(self, configuration: Mapping[str, bytes]) -> None:
        """Raise `ForeignStateError` unless a configuration is one that this mock can have."""
        contract, secret = (orjson.loads(configuration[name]) for name in ("contract", "secret"))
        if contract != self.contract.revision:
            raise ForeignStateError(
                f"the state at {self._connection.place} is of the contract {contract}, and this"
                f" mock has {self.contract.revision}: give the mock that revision, or another name"
            )
        if secret != self._conceal(""):
            # Redis may have lost all, and another mock has begun with a new one.
            del self._connection.secret
        if secret != self._conceal(""):
            raise ForeignStateError(
                f"the keys of the state at {self._connection.place} are hashed with a secret that"
                " Redis has lost: delete the state, or give the mock another name"
            )

    def _conceal(self, fingerprint: str) -> str:
        """Return what is kept instead of a fingerprint; of what it returns it returns the same."""
        if fingerprint.startswith(CONCEALED):
            return fingerprint
        secret = self._connection.secret
        return CONCEALED + hmac.digest(secret, fingerprint.encode(), "sha256").hex()

    def _configure(self, fields: Mapping[str, Any]) -> None:
        if "behaviour" in fields:
            self._behaviour = read_behaviour(fields["behaviour"], self.contract)
        if "clock" in fields:
            self.clock.rollback(fields["clock"])
        if "seed" in fields:
            self.seed = self._seed = int(fields["seed"])
            self._faults = Faults(self.contract, self._seed)
        if "hostile" in fields:
            self.hostile = read_hostile(fields["hostile"])
        if "models" in fields or "planned_changes" in fields:
            held = self._held[self._configuration].fields
            models, plans = (orjson.loads(held[name]) for name in ("models", "planned_changes"))
            self._catalogue.rollback(models, plans)

    def _renew_accounts(
        self, changed: Mapping[str, Mapping[str, Any]], gone: Iterable[str]
    ) -> None:
        left = [name for name in map(self._connection.account_of, gone) if name is not None]
        for name in left:
            self._held.pop(self._connection.document_of(name), None)
            self._quotas.forget(name)
            self._scenarios.disarm(name)
            self._pins.unpin(name)
        named = {self._connection.account_of(document): row for document, row in changed.items()}
        rows = [row["account"] for row in named.values() if "account" in row]
        self._accounts.renew(map(Account.from_json, rows), left)
        for document, fields in changed.items():
            name = self._connection.account_of(document) or ""
            held = self._held[document]
            self._held[document] = held._replace(keys=self._keys_of(name))
            if "windows" in fields:
                self._quotas.forget(name)
                self._quotas.restore(fields["windows"])
            if "scenarios" in fields:
                self._scenarios.restore(name, fields["scenarios"])
            if "pins" in fields:
                self._pins.restore(name, fields["pins"])
            if "faults" in fields:
                self._faults.restore(name, fields["faults"])


def _written(fields: Mapping[str, Any]) -> dict[str, bytes]:
    return {name: orjson.dumps(value) for name, value in fields.items()}
