"""The connection to Redis: where a state is kept there, and the scripts that read and write it.

Several mocks may share one Redis: all keys of a mock begin with its name. The keys of an account
share a hash tag, and so do those of the mock itself.
"""

import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qsl, urlencode

import redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    ClusterCrossSlotError,
    ClusterError,
    NoPermissionError,
    NoScriptError,
)
from redis.retry import Retry

from ..state import accounts
from ..state.decisions import UnavailableError
from ..validation import InputError

SCHEMES = ("redis", "rediss", "unix")

#: The name of a mock, if the URL has none.
NAME = "rerank-mock"

#: The key of what keys are hashed with.
SECRET = "rerank-mock:secret"  # noqa: S105 - its name

#: How long a state is kept that no mock has touched, in seconds.
LIVE = 7 * 24 * 3600

#: How long to wait for Redis, in seconds.
PATIENCE = 2.0

#: How many readings of the clock of Redis there are; the one that took least is the best.
_READINGS = 5

#: The keys of the mock that the scripts which change documents take, and those of the exchanges.
_OF_DOCUMENTS = ("configuration", "version", "changed", "gone", "forgotten", "keys", "former")
OF_EXCHANGES = ("seen", "exchanges", "bytes", "bytes_of", "forgiven")

#: What an address may say behind its question mark, besides the name.
_PARAMETER = re.compile(r"db|protocol|ssl_\w+", re.ASCII)

#: What follows the scheme: with a database, or a path.
_PLACE, _SOCKET = re.compile(r"[^/]*(/\d*)?", re.ASCII), re.compile(r"[^/]*/.*[^/]")

# It repeats nothing: what cannot be read may be a part of a password.
_UNUSABLE = (
    "the address of the state cannot be used: it looks like redis://HOST:6379/0?name=NAME or"
    " unix:///PATH?name=NAME"
)


class AddressError(InputError):
    """An address of a shared state that cannot be used; the message says why."""


class ForeignStateError(UnavailableError):
    """The state there is not one that this mock can serve; the message says why."""


class Document(NamedTuple):
    """A document as it is kept."""

    version: str
    #: JSON by the name of the field.
    fields: Mapping[str, bytes]


class Changed(NamedTuple):
    """What has changed since a version."""

    version: str
    #: Whether it is everything there is.
    is_all: bool
    documents: Mapping[str, Document]
    gone: Sequence[str]
    #: Keys that are no longer valid, as they are kept.
    former: Sequence[str]


class Found(NamedTuple):
    """What a request finds."""

    #: Of the whole state.
    version: str
    drawn: int
    #: The account of its key; empty if there is none.
    owner: str
    #: Whether the configuration has changed since the version that was known.
    is_reconfigured: bool
    #: The document of the account, if that has changed.
    documents: Mapping[str, Document]


class Change(NamedTuple):
    """A change of a document."""

    document: str
    #: Its version before; empty if there was none.
    expected: str
    #: The fields that change; None deletes the document.
    fields: Mapping[str, bytes] | None


class Moved(NamedTuple):
    """A key that gets an owner, or loses it."""

    kept: str
    #: The account that it belongs to, before or after.
    account: str
    is_gone: bool = False


class Restored(NamedTuple):
    """What a state that is replaced gets besides documents and keys."""

    drawn: int
    seen: int
    #: Number, how the keys of the account begin, entry and size of each exchange.
    exchanges: Sequence[tuple[int, str, bytes, int]]


class Connection:
    """One mock in a Redis. Every method raises `UnavailableError` if that cannot be reached.

    A document is the configuration, or an account: see `redis_state.py`.
    """

    def __init__(self, address: str) -> None:
        """`address` is a URL; its parameter `name` is that of the mock. Raises `AddressError`."""
        url, self.name = _parse(address)
        #: How many connections there have been. Redis may have lost changes whenever it is another
        #: one: it ends all connections when it ends.
        self.made = 0
        try:
            # Its types leave open whether an answer has to be awaited.
            client: Any = redis.Redis
            self._redis: Any = client.from_url(
                url,
                socket_timeout=PATIENCE,
                socket_connect_timeout=PATIENCE,
                # What was sent may have been done: to send it again could count it twice.
                retry=Retry(NoBackoff(), 0),
                redis_connect_func=self._connected,
            )
            given = self._redis.connection_pool.connection_kwargs
            # Parameters that do not exist come to light when a connection is made.
            self._redis.connection_pool.make_connection()
        except (ValueError, TypeError, redis.RedisError):
            raise AddressError(_UNUSABLE) from None
        where = given.get("path") or f"{given.get('host', 'localhost')}:{given.get('port', 6379)}"
        #: Where the state is, without its password.
        self.place = f"{where}, database {given.get('db') or 0}, name {self.name}"
        #: How the keys of the mock begin.
        self._own = f"{{{self.name}}}:"
        self._scripts = {name: self._redis.register_script(_text_of(name)) for name in _SCRIPTS}

    def _connected(self, connection: Any) -> None:  # noqa: ANN401 - one of Redis
        connection.on_connect()
        self.made += 1

    def begins(self, account: str | None) -> str:
        """Return how the keys of an account begin; None stands for requests without one."""
        return f"{{{self.name}/{account or ''}}}:"

    def document_of(self, account: str) -> str:
        """Return the name of the document of an account."""
        return f"{self.begins(account)}account"

    def account_of(self, document: str) -> str | None:
        """Return the account whose document it is, or None."""
        front, end = f"{{{self.name}/", "}:account"
        if document.startswith(front) and document.endswith(end):
            return document[len(front) : -len(end)]
        return None

    def own(self, name: str) -> str:
        """Return the key of the mock, or its document, with that name."""
        return self._own + name

    @cached_property
    def secret(self) -> bytes:
        """What keys are hashed with, drawn once for all mocks in this Redis."""
        self.call("set", SECRET, secrets.token_bytes(32), nx=True, ex=LIVE)
        return cast("bytes", self.call("get", SECRET))

    def share_secret(self) -> None:
        """Let others have the secret that keys are hashed with here, if Redis has lost it."""
        self.call("set", SECRET, self.secret, nx=True, ex=LIVE)
        if self.call("get", SECRET) != self.secret:
            raise ForeignStateError(
                f"the state at {self.place} is gone, and another secret is there now than the one"
                " that its keys were hashed with: start the mock again"
            )

    @cached_property
    def ahead(self) -> float:
        """How far the clock of Redis is ahead of this machine's, in seconds."""
        readings: list[tuple[float, float]] = []
        for _ in range(_READINGS):
            before = time.time()
            seconds, microseconds = self.call("time")
            after = time.time()
            there = seconds + microseconds / 1e6
            readings.append((after - before, there - (before + after) / 2))
        return min(readings)[1]

    def time(self) -> float:
        """Return the time of Redis, in seconds since the epoch, without asking it."""
        return time.time() + self.ahead

    def view(self, known: str, kept: str, document: str, version: str) -> Found | None:
        """Return what a request finds, or None if the state does not exist any more.

        `known` is the known version of the configuration, `version` that of the document of the
        account which probably has the key, if any has.
        """
        names = ("configuration", "version", "drawn", "keys")
        keys = [*map(self.own, names)]
        with _Asking(self.place):
            try:
                found, *own = self._view(keys, [known, kept], document, version)
            except NoScriptError:
                for script in self._scripts.values():
                    self._redis.script_load(script.script)
                found, *own = self._view(keys, [known, kept], document, version)
        if found is None:
            return None
        latest, drawn, owner, is_reconfigured = found
        read = _document(own[0]) if own and own[0] else None
        return Found(
            latest.decode(),
            int(drawn),
            owner.decode(),
            bool(is_reconfigured),
            {document: read} if read else {},
        )

    def _view(self, keys: list[str], args: list[str], document: str, version: str) -> list[Any]:
        # A pipeline would ask each time whether Redis still has the scripts.
        with self._redis.pipeline(transaction=False) as together:
            together.evalsha(self._scripts["view"].sha, len(keys), *keys, *args)
            if document:
                together.evalsha(self._scripts["document"].sha, 1, document, version)
            answers: list[Any] = together.execute()
            return answers

    def document(self, name: str) -> Document | None:
        """Return a document."""
        return _document(self.run("document", [name], [""]) or [])

    def changes(self, since: str) -> Changed | None:
        """Return what has changed since a version, "0" for all; None if there is no state."""
        names = ("configuration", "version", "changed", "gone", "forgotten", "former")
        answer = self.run("changes", [*map(self.own, names)], [since])
        if answer is None:
            return None
        version, is_all, changed, gone, former = answer
        documents = {key.decode(): _document(pairs) for key, pairs in changed}
        return Changed(
            version.decode(),
            bool(is_all),
            {key: document for key, document in documents.items() if document},
            [key.decode() for key in gone],
            [key.decode() for key in former],
        )

    def commit(
        self, changes: Iterable[Change], moved: Iterable[Moved] = ()
    ) -> "str | Document | None":
        """Make all changes; return the version of their documents.

        If nothing was changed, as a document has another version than expected, return what it
        is now; None if it is gone, or if a key has another owner.
        """
        keys = [*map(self.own, _OF_DOCUMENTS)]
        args: list[Any] = [LIVE, accounts.FORMER_KEYS]
        for change in changes:
            keys.append(change.document)
            args += [change.expected, *_flat(change.fields)]
        for key in moved:
            args += [key.kept, key.account, "" if key.is_gone else key.account]
        found = self.run("commit", keys, args)
        if found is None:
            raise UnavailableError(f"the state at {self.place} is gone")
        return found.decode() if isinstance(found, bytes) else _document(found)

    def replace(
        self,
        documents: Mapping[str, Mapping[str, bytes]],
        owners: Mapping[str, str],
        restored: Restored | None = None,
    ) -> str | None:
        """Replace everything there was; return the version of the documents.

        `owners` are the accounts by their keys. Without `restored` begin a state, unless there is
        one: then return None.
        """
        keys = [*map(self.own, (*_OF_DOCUMENTS, "drawn", *OF_EXCHANGES)), *documents]
        drawn, seen, exchanges = restored or ("", "", ())
        args: list[Any] = [LIVE, accounts.FORMER_KEYS, drawn, seen]
        for fields in documents.values():
            args += _flat(fields)
        args.append(len(owners))
        for row in (*owners.items(), *exchanges):
            args += row
        version = self.run("replace", keys, args)
        return None if version is None else version.decode()

    def draw(self) -> int:
        """Draw a number; return how many were drawn before."""
        return int(self.call("incrby", self.own("drawn"), 1)) - 1

    def touch(self) -> None:
        """Let everything of this mock live on."""
        self.share_secret()
        for pattern in (SECRET, f"{self._own}*", f"{{{self.name}/*"):
            with _Asking(self.place):
                for key in self._redis.scan_iter(match=pattern, count=1000):
                    self._redis.expire(key, LIVE)

    def run(self, script: str, keys: Sequence[str], args: Sequence[Any]) -> Any:  # noqa: ANN401 - its answer
        """Run a script; return its answer."""
        with _Asking(self.place):
            return self._scripts[script](keys=keys, args=args)

    def call(self, name: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - those of Redis
        """Call a command; return its answer."""
        with _Asking(self.place):
            return getattr(self._redis, name)(*args, **options)

    def together(self, calls: Iterable[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Call several commands, which nothing comes between; return their answers."""
        with _Asking(self.place), self._redis.pipeline() as pipeline:
            for name, args in calls:
                getattr(pipeline, name)(*args)
            answers: list[Any] = pipeline.execute()
            return answers

    def close(self) -> None:
        """Close the connections; a later call opens one."""
        self._redis.close()


class _Asking:
    """Turns errors of Redis into `UnavailableError`; a generator would cost three times as much."""

    __slots__ = ("_place",)

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, redis.RedisError):
            raise UnavailableError(f"the state at {self._place} {_reason(error)}") from None


_REASONS: Mapping[type[redis.RedisError], str] = {
    redis.AuthenticationError: "refuses the password",
    redis.TimeoutError: f"did not answer within {PATIENCE:g} s",
    redis.BusyLoadingError: "is being loaded",
    redis.ReadOnlyError: "is read-only",
    redis.OutOfMemoryError: "is full",
    NoPermissionError: "may not be written by this user",
    ClusterError: "is in a cluster, which cannot keep it",
    AskError: "is in a cluster, which cannot keep it",
    ClusterCrossSlotError: "is in a cluster, which cannot keep it",
}


def _reason(error: redis.RedisError) -> str:
    """Return why a state is not available, without what was sent, which errors may quote."""
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    if isinstance(error, redis.ResponseError):
        # Such as WRONGTYPE or MISCONF.
        code = re.match(r"[A-Z]{3,}\b", str(error))
        return f"refuses what it is asked: {code[0]}" if code else "refuses what it is asked"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "has a certificate that is not trusted"
    return "cannot be reached"


#: The scripts, each in a file beside this one.
_SCRIPTS = (
    *("view", "document", "changes", "commit", "replace"),
    *("record", "correct", "entries", "forget"),
)


def _text_of(script: str) -> str:
    names = ["write", script] if script in ("commit", "replace") else [script]
    files = (Path(__file__).with_name(f"{name}.lua") for name in names)
    return "".join(file.read_text(encoding="utf-8") for file in files)


def _parse(address: str) -> tuple[str, str]:
    """Return the URL for Redis, and the name of the mock. Raises `AddressError`."""
    place, _, query = address.partition("?")
    scheme, _, rest = place.partition("://")
    if scheme not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise AddressError(f"the address of a shared state begins with one of {known}")
    if not (_SOCKET if scheme == "unix" else _PLACE).fullmatch(rest):
        raise AddressError(_UNUSABLE)
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    name = parameters.pop("name", NAME)
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name):
        raise AddressError(
            "the name in the address of the state may have letters, digits, dots and hyphens,"
            f" not {name!r}"
        )
    for parameter in parameters:
        if not _PARAMETER.fullmatch(parameter):
            raise AddressError(
                "the address of the state may have the parameters name, db, protocol and those that"
                " begin with ssl_, and no others"
            )
    return f"{place}?{urlencode(parameters)}", name


def _flat(fields: Mapping[str, bytes] | None) -> list[Any]:
    """Return fields as the scripts take them; None deletes the document."""
    if fields is None:
        return [-1]
    return [len(fields), *(part for pair in fields.items() for part in pair)]


def _document(pairs: Sequence[bytes]) -> Document | None:
    fields = {name.decode(): value for name, value in zip(pairs[::2], pairs[1::2], strict=True)}
    version = fields.pop("version", None)
    return None if version is None else Document(version.decode(), fields)
