"""Whom a key belongs to, and with what money and rights."""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal, Inexact, localcontext
from typing import Any, Literal, TypeAlias, cast

from ..contract import Price
from ..validation import InputError, likely
from ..validation import check as check_value
from ..wire import Json
from .quotas import TIER, Limits

#: Money is never rounded: a sum that does not fit is an error, and the digits suffice for sums of
#: whatever the schema of a state allows.
_EXACT = Context(prec=64, traps=[Inexact])

#: A term of an account as it may be given: JSON, or money as it is.
Term: TypeAlias = "Json | Decimal"

_MONEY = ("granted_balance", "charged_balance")


class AccountError(InputError):
    """An account that cannot be: what is wrong, and where in its JSON."""


def check(row: Json, models: Collection[str]) -> None:
    """Raise `AccountError` unless `row` is the JSON of an account, given the models there are."""
    check_value("account", row, AccountError)
    for model in cast("Any", row).get("model_limits", ()):
        if model not in models:
            hint = likely(model, list(models))
            raise AccountError(f"there is no model {model!r}{hint}", "model_limits")


def fingerprint(key: str) -> str:
    """Return what the state keeps in place of a key: it may go into a bug report."""
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def charge(price: Price, text_tokens: int, image_tokens: int) -> Decimal:
    """Return what the tokens cost, in CNY, exactly."""
    with localcontext(_EXACT):
        return (price.text * text_tokens + price.image * image_tokens).scaleb(-6)


@dataclass(frozen=True, slots=True)
class Account:
    """Its money is in CNY. What changes is another `Account` of the same name."""

    name: str
    #: Fingerprints of the keys.
    keys: tuple[str, ...]
    #: What was given; spent first.
    granted_balance: Decimal = Decimal("0.00")
    #: What was paid in. The last request before the money is gone may take it below zero.
    charged_balance: Decimal = Decimal("100.00")
    #: `forbidden` may ask for nothing.
    standing: Literal["normal", "forbidden"] = "normal"
    #: For each model by itself.
    limits: Limits = field(default_factory=lambda: TIER)
    #: What differs from `limits`, by name of the model.
    model_limits: Mapping[str, Limits] = field(default_factory=dict[str, Limits])

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Account":
        """Make an account of its JSON, in which keys may stand as they are."""
        keys = (key if key.startswith("sha256:") else fingerprint(key) for key in row["keys"])
        values = dict(row)
        values["keys"] = tuple(dict.fromkeys(keys))
        values.update((name, Decimal(row[name])) for name in _MONEY if name in row)
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Return its JSON."""
        return {
            "name": self.name,
            "keys": list(self.keys),
            "granted_balance": f"{self.granted_balance:f}",
            "charged_balance": f"{self.charged_balance:f}",
            "standing": self.standing,
            "limits": dict(self.limits),
            "model_limits": {model: dict(limits) for model, limits in self.model_limits.items()},
        }

    @property
    def total_balance(self) -> Decimal:
        """All its money."""
        with localcontext(_EXACT):
            return self.granted_balance + self.charged_balance

    def limits_of(self, model: str) -> Limits:
        """Return the limits that hold for the model."""
        return {**self.limits, **self.model_limits.get(model, {})}

    def pay(self, amount: Decimal) -> "Account":
        """Return the account after it has paid."""
        with localcontext(_EXACT):
            granted = min(amount, max(self.granted_balance, Decimal(0)))
            return replace(
                self,
                granted_balance=self.granted_balance - granted,
                charged_balance=self.charged_balance - (amount - granted),
            )


#: How many keys of closed accounts are remembered, so that they are taken out of what is shown.
FORMER_KEYS = 10_000


class Accounts(Mapping[str, Account]):
    """Accounts by name. Whoever calls holds the lock of the state."""

    def __init__(self) -> None:
        self._by_name: dict[str, Account] = {}
        self._names: dict[str, str] = {}
        #: Keyed hashes of keys that were valid once, the oldest first. Without the secret of this
        #: process nobody can try out which keys they were.
        self._former: dict[bytes, None] = {}
        self._secret = secrets.token_bytes(32)

    def __getitem__(self, name: str) -> Account:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def of_key(self, key: str) -> Account | None:
        """Return the account of the key."""
        name = self._names.get(fingerprint(key))
        return None if name is None else self._by_name[name]

    def knows(self, key: str) -> bool:
        """Return whether it is the key of an account, or was."""
        found = fingerprint(key)
        return found in self._names or self._hash(found) in self._former

    def add(self, account: Account) -> None:
        """Add the account, of which there must be none of its name."""
        if account.name in self._by_name:
            raise AccountError(f"there is an account {account.name!r} already", "name")
        self.put(account)

    def put(self, account: Account) -> None:
        """Add the account, or put it in the place of the one of its name."""
        for number, key in enumerate(account.keys):
            owner = self._names.get(key, account.name)
            if owner != account.name:
                raise AccountError(f"belongs to {owner!r} already", "keys", number)
        if account.name in self._by_name:
            self._forget_keys(account.name)
        self._by_name[account.name] = account
        self._names.update(dict.fromkeys(account.keys, account.name))

    def remove(self, name: str) -> None:
        """Drop the account of that name."""
        self._forget_keys(name)
        del self._by_name[name]

    def _forget_keys(self, name: str) -> None:
        for key in self._by_name[name].keys:
            del self._names[key]
            self._former[self._hash(key)] = None
        while len(self._former) > FORMER_KEYS:
            del self._former[next(iter(self._former))]

    def _hash(self, key: str) -> bytes:
        return hashlib.blake2b(key.encode(), key=self._secret, digest_size=16).digest()

    def snapshot(self) -> list[dict[str, Any]]:
        """Return all accounts as JSON."""
        return [account.to_json() for account in self._by_name.values()]

    def rollback(self, snapshot: Iterable[dict[str, Any]]) -> None:
        """Have the accounts of the snapshot, and no others."""
        for name in [*self._by_name]:
            self.remove(name)
        for row in snapshot:
            self.put(Account.from_json(row))
