"""Accounts: their keys, balances and limits."""

import hashlib
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from decimal import Context, Decimal, Inexact, localcontext
from itertools import count, islice
from typing import Any, Literal, TypeAlias, cast

from ..contract import Price
from ..validation import InputError, likely
from ..validation import check as check_value
from ..wire import Json
from .latency import Latency, problem
from .quotas import SECONDS, TIER, Limits

#: Money is never rounded: a sum that does not fit is an error. The digits suffice for every amount
#: that the schema of a state allows.
_EXACT = Context(prec=64, traps=[Inexact])

#: The value of a member of an account: JSON, a number or `Decimal` for money, or a `timedelta`.
Term: TypeAlias = "Json | Decimal | timedelta"

_MONEY = ("granted_balance", "charged_balance")

_AMOUNT = re.compile(r"-?[0-9]+([.][0-9]+)?", re.ASCII)

_LIMITS = ("limits", "model_limits")


#: Terms of an account that never meets a limit or the end of its money.
UNLIMITED: Mapping[str, Term] = {"limits": {}, "charged_balance": "999999999999999.00"}


class AccountError(InputError):
    """An invalid account: what is wrong, and where in its JSON."""


def check(row: Json, models: Collection[str]) -> None:
    """Raise `AccountError` unless `row` is the JSON of an account, given the known models."""
    check_value("account", row, AccountError)
    for model in cast("Any", row).get("model_limits", ()):
        if model not in models:
            hint = likely(model, list(models))
            raise AccountError(f"there is no model {model!r}{hint}", "model_limits")
    if reason := problem(cast("Any", row).get("latency", 0)):
        raise AccountError(reason, "latency")


def plain_terms(terms: Mapping[str, Term]) -> dict[str, Any]:
    """Return terms of an account as JSON that may keep `schemas/files/account.json`.

    Money may be a number, and `balance` is the total: all of it charged, nothing granted. Limits
    may be in lower case, and latency a `timedelta`.
    """
    plain: dict[str, Any] = dict(terms)
    known = ["balance", *(term.name for term in fields(Account))]
    for name in plain:
        if name not in known:
            raise AccountError(f"unknown member {name!r}{likely(name, known)}")
    if "balance" in plain:
        clash = next((name for name in _MONEY if name in plain), None)
        if clash:
            raise AccountError(f"balance is the total, so {clash} cannot be given with it")
        plain |= {"granted_balance": "0", "charged_balance": plain.pop("balance")}
    for name in _MONEY:
        if type(plain.get(name)) in (int, float, Decimal):
            plain[name] = f"{Decimal(str(plain[name])):f}"
        elif isinstance(plain.get(name), str) and not _AMOUNT.fullmatch(plain[name]):
            raise AccountError(f'expected an amount such as "12.50", got {plain[name]!r}', name)
    if isinstance(plain.get("latency"), timedelta):
        plain["latency"] = plain["latency"].total_seconds()
    for name in _LIMITS:
        if isinstance(plain.get(name), Mapping):
            plain[name] = _upper(cast("Mapping[str, Any]", plain[name]))
    return plain


def _upper(limits: Mapping[str, Any]) -> dict[str, Any]:
    """Return limits with their names in upper case, also below the name of a model."""
    return {
        (name.upper() if name.upper() in SECONDS else name): _upper(
            cast("Mapping[str, Any]", value)
        )
        if isinstance(value, Mapping)
        else value
        for name, value in limits.items()
    }


#: How a fingerprint begins, and one that is hashed once more with the secret of a shared state.
FINGERPRINT, CONCEALED = "sha256:", "hmac-sha256:"


def fingerprint(key: str) -> str:
    """Return the hash that the state keeps instead of a key, so that it is safe to share."""
    return FINGERPRINT + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def is_kept(key: str) -> bool:
    """Return whether it is what a state keeps instead of a key."""
    return key.startswith((FINGERPRINT, CONCEALED))


def charge(price: Price, text_tokens: int, image_tokens: int) -> Decimal:
    """Return the exact cost of the tokens, in CNY."""
    text = _EXACT.multiply(price.text, text_tokens)
    image = _EXACT.multiply(price.image, image_tokens)
    return _EXACT.scaleb(_EXACT.add(text, image), -6)


@dataclass(frozen=True, slots=True)
class Account:
    """An account; money is in CNY. A change makes a new `Account` with the same name."""

    name: str
    #: Fingerprints of the keys.
    keys: tuple[str, ...]
    #: Money that was granted; spent first.
    granted_balance: Decimal = Decimal("0.00")
    #: Money that was paid in. The request that uses up the balance may take it below zero.
    charged_balance: Decimal = Decimal("100.00")
    #: Every request of a `forbidden` account is refused.
    standing: Literal["normal", "forbidden"] = "normal"
    #: These apply to each model separately.
    limits: Limits = field(default_factory=lambda: TIER)
    #: Exceptions to `limits`, by the name of the model.
    model_limits: Mapping[str, Limits] = field(default_factory=dict[str, Limits])
    #: How long each answer takes.
    latency: Latency = 0.0
    #: What becomes of the connection of each request.
    connection: Literal["open", "refused", "timed_out"] = "open"

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Account":
        """Return an account from its JSON, whose keys may be plain or fingerprints."""
        keys = (key if is_kept(key) else fingerprint(key) for key in row["keys"])
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
            "latency": dict(self.latency) if isinstance(self.latency, Mapping) else self.latency,
            "connection": self.connection,
        }

    @property
    def total_balance(self) -> Decimal:
        """The granted and the charged balance together."""
        with localcontext(_EXACT):
            return self.granted_balance + self.charged_balance

    def limits_of(self, model: str) -> Limits:
        """Return the limits for the model."""
        exceptions = self.model_limits.get(model)
        return {**self.limits, **exceptions} if exceptions else self.limits

    def pay(self, amount: Decimal) -> "Account":
        """Return the account after paying."""
        with localcontext(_EXACT):
            granted = min(amount, max(self.granted_balance, Decimal(0)))
            return replace(
                self,
                granted_balance=self.granted_balance - granted,
                charged_balance=self.charged_balance - (amount - granted),
            )

    def get_back(self, granted: Decimal, charged: Decimal) -> "Account":
        """Return the account after it got money back."""
        with localcontext(_EXACT):
            return replace(
                self,
                granted_balance=self.granted_balance + granted,
                charged_balance=self.charged_balance + charged,
            )


#: How many keys of closed accounts are remembered, so that they are still redacted.
FORMER_KEYS = 10_000


class Accounts(Mapping[str, Account]):
    """Accounts by name. The caller holds the lock of the state."""

    def __init__(self, conceal: Callable[[str], str] = str) -> None:
        #: What is kept instead of a fingerprint; of what it returns it returns the same.
        self._conceal = conceal
        self._by_name: dict[str, Account] = {}
        self._names: dict[str, str] = {}
        #: Keyed hashes of keys that are no longer valid, oldest first. Without the secret of this
        #: process, keys cannot be guessed from them.
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
        name = self._names.get(self.kept(key))
        return None if name is None else self._by_name[name]

    def name_of(self, kept: str) -> str | None:
        """Return the name of the account that has a key, by what is kept of it."""
        return self._names.get(kept)

    def kept(self, key: str) -> str:
        """Return what is kept instead of a key."""
        return self._conceal(fingerprint(key))

    def empty(self) -> "Accounts":
        """Return others, of which there are none yet, that are kept likewise."""
        return Accounts(self._conceal)

    def knows(self, key: str) -> bool:
        """Return whether it is or was the key of an account."""
        found = self.kept(key)
        return found in self._names or self._hash(found) in self._former

    def limits_of(self, name: str, model: str) -> Limits:
        """Return the limits of an account for a model."""
        return self._by_name[name].limits_of(model)

    def free_name(self) -> str:
        """Return a name for a new account."""
        numbers = count(len(self) + 1)
        return next(n for n in map("account-{}".format, numbers) if n not in self)

    def add(self, account: Account) -> None:
        """Add an account. Raises `AccountError` if the name is in use."""
        if account.name in self._by_name:
            raise AccountError(f"account {account.name!r} already exists", "name")
        self.put(account)

    def put(self, account: Account) -> None:
        """Add the account, or replace the one with its name."""
        if self._conceal is not str:
            account = replace(account, keys=tuple(map(self._conceal, account.keys)))
        for number, key in enumerate(account.keys):
            if key.startswith(CONCEALED) and self._conceal is str:
                reason = "is hashed with the secret of a shared state: give the key itself instead"
                raise AccountError(reason, "keys", number)
            owner = self._names.get(key, account.name)
            if owner != account.name:
                raise AccountError(f"already belongs to {owner!r}", "keys", number)
        former = self._by_name.get(account.name)
        self._by_name[account.name] = account
        if former is None or former.keys != account.keys:
            self._forget_keys(account.name, former.keys if former else ())
            self._names.update(dict.fromkeys(account.keys, account.name))

    def remove(self, name: str) -> None:
        """Remove the account with that name."""
        self._forget_keys(name, self._by_name.pop(name).keys)

    def renew(self, changed: Iterable[Account], gone: Iterable[str]) -> None:
        """Take over accounts as they are elsewhere, and that others are gone there."""
        for name in gone:
            if name in self._by_name:
                self.remove(name)
        renewed = {account.name: account for account in changed}
        for name in renewed.keys() & self._by_name.keys():
            self._release(name, self._by_name[name].keys)
        self._by_name.update(renewed)
        for account in renewed.values():
            self._names.update(dict.fromkeys(account.keys, account.name))

    def remember(self, former: Iterable[str]) -> None:
        """Remember keys that are no longer valid, by what is kept of them."""
        self._former.update((self._hash(key), None) for key in former)
        self._drop_former()

    def _forget_keys(self, name: str, keys: Collection[str]) -> None:
        self._release(name, keys)
        self.remember(keys)

    def _release(self, name: str, keys: Iterable[str]) -> None:
        for key in keys:
            # It may be another's by now, which was taken over before this one.
            if self._names.get(key) == name:
                del self._names[key]

    def _drop_former(self) -> None:
        for key in [*islice(self._former, max(len(self._former) - FORMER_KEYS, 0))]:
            del self._former[key]

    def _hash(self, key: str) -> bytes:
        return hashlib.blake2b(key.encode(), key=self._secret, digest_size=16).digest()

    def snapshot(self) -> list[dict[str, Any]]:
        """Return all accounts as JSON."""
        return [account.to_json() for account in self._by_name.values()]

    def rollback(self, others: "Accounts") -> None:
        """Become like others, which the caller keeps no longer."""
        gone = [key for key in self._names if key not in others._names]
        self._by_name, self._names = others._by_name, others._names
        self.remember(gone[-FORMER_KEYS:])
