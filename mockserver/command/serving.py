"""`rerank-mock serve`: until it is interrupted, or as long as a command runs."""

import argparse
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import get_args
from urllib.parse import urlsplit

from ..behaviour import PRESET_NAMES, Behaviour, load_behaviour
from ..contract import Contract, load_contract
from ..files import FileError, read_file
from ..redaction import LONGEST_KEY
from ..scenarios.hostile import HOSTILE, Hostile
from ..serving.server import ThreadedServer, serve
from ..state.accounts import UNLIMITED, Term
from ..state.decisions import UnavailableError
from ..state.recordings import Recordings, Unrecorded, load_recordings
from ..state.store import DEFAULT_KEY, State
from . import listening, workers
from .listening import PORT, Listening, url_of
from .parser import (
    PREFIX,
    CommandError,
    Parser,
    count,
    whole_number,
    word,
)
from .running import held_signals, run

#: What a command is run with: the base URL and a key.
BASE_URL, API_KEY = "RERANK_BASE_URL", "RERANK_API_KEY"

EPILOG = (
    f"Each option can also be set by an environment variable: {PREFIX}PORT for --port. With a"
    f" COMMAND, the mock runs until the command ends; that finds base URL and key in {BASE_URL}"
    f" and {API_KEY}, and its exit code becomes the exit code of rerank-mock."
)


@dataclass(frozen=True, kw_only=True)
class Serving(Listening):
    """The options of `rerank-mock serve`; `declare` describes them."""

    key: Sequence[str] = ()
    key_file: str | None = None
    unlimited: bool = False
    behaviour: str = "observed"
    hostile: Sequence[Hostile] = ()
    seed: int = 0
    state: str | None = None
    workers: int = 1
    replay: str | None = None
    unrecorded: Unrecorded | None = None

    def run(self, command: Sequence[str] | None) -> int:
        """Serve; return the exit code. Raises `CommandError`."""
        token = self.token()
        with ExitStack() as serving:
            # First: a mock that cannot serve has begun no state that others join.
            listener = serving.enter_context(self.listener(token, is_alone=command is None))
            key, state = self._state()
            serving.enter_context(self.watching(state))
            if command is not None and state.account_of(key) is None:
                raise CommandError(
                    f"no account of {self._named_state} has the key that the command would get,"
                    " which is the first of --key or the default: pass a key of the state with"
                    " --key"
                )
            if self.workers > 1:
                return self._run_workers(state, listener, token, command, key)
            if command is None:
                serve(state, listener, partial(self.announce, listener), token)
                return 0
            with held_signals(), ThreadedServer(state, listener, token):
                return run(command, environment_of(listener, key, os.environ))

    def _run_workers(
        self,
        state: State,
        listener: socket.socket,
        token: str | None,
        command: Sequence[str] | None,
        key: str,
    ) -> int:
        def work(ready: Callable[[], None]) -> None:
            serve(state, listener, ready, token)

        with workers.running(self.workers, work) as running:
            if command is None:
                self.announce(listener)
                running.supervise()
            with held_signals():
                environment = environment_of(listener, key, os.environ)
                return run(command, environment, running.renew)

    @property
    def _named_state(self) -> str:
        """The state as messages name it: an address may have a password."""
        return "the shared state" if is_shared(self.state) else str(self.state)

    def _state(self) -> tuple[str, State]:
        """Return a key, and the state of the mock."""
        with self.naming("key_file"):
            keys = [*dict.fromkeys([*self.key, *_keys_of(self.key_file)])] or [DEFAULT_KEY]
        with self.naming("revision"):
            contract = load_contract(self.revision)
        with self.naming("behaviour"):
            behaviour = load_behaviour(self.behaviour, contract)
        terms: Mapping[str, Term] = UNLIMITED if self.unlimited else {}
        if is_shared(self.state):
            return keys[0], self._shared_state(contract, behaviour, keys, terms)
        if self.workers > 1:
            with self.naming("workers"):
                raise CommandError(
                    "--workers needs --state redis://HOST: each worker would count limits and money"
                    " for itself"
                )
        state = State(
            contract=contract,
            behaviour=behaviour,
            keys=keys,
            hostile=self.hostile,
            seed=self.seed,
            terms=terms,
            recordings=self._recordings(contract),
            unrecorded=self.unrecorded or "refuse",
        )
        if self.state:
            with self.naming("state"):
                state.load(self.state)
        return keys[0], state

    def _shared_state(
        self,
        contract: Contract,
        behaviour: Behaviour,
        keys: Sequence[str],
        terms: Mapping[str, Term],
    ) -> State:
        """Begin a state in Redis, or join the one that there is."""
        with self.naming("har"):
            if self.har is not None and self.workers > 1:
                raise CommandError(
                    "--har is written by one process: GET /__admin/journal.har has all"
                )
        with self.naming("replay"):
            if self.replay is not None:
                raise CommandError("--replay cannot be shared: it needs a mock of one process")
        with self.naming("state"):
            try:
                from ..sharing.connection import Connection  # noqa: PLC0415 - an extra
                from ..sharing.redis_state import RedisState  # noqa: PLC0415
            except ModuleNotFoundError as error:
                if error.name != "redis":
                    raise
                raise CommandError(
                    "a shared state needs the extra `redis`: pip install 'rerank-contract[redis]'"
                ) from None
            try:
                state = RedisState(
                    Connection(self.state or ""),
                    contract=contract,
                    behaviour=behaviour,
                    keys=keys,
                    hostile=self.hostile,
                    seed=self.seed,
                    terms=terms,
                )
            except UnavailableError as error:
                raise CommandError(str(error), 1) from None
        what = "begins" if state.has_begun else "joins"
        own = "" if state.has_begun else ", with its accounts, behaviour and seed"
        print(f"rerank-mock: {what} the state at {state.place}{own}", file=sys.stderr)
        return state

    def _recordings(self, contract: Contract) -> Recordings | None:
        """Return what is replayed, and say on standard error how much that is."""
        if self.replay is None:
            if self.unrecorded is not None:
                with self.naming("unrecorded"):
                    raise CommandError("--unrecorded needs --replay FILE")
            return None
        with self.naming("replay"):
            recordings = load_recordings(self.replay, contract)
        print(f"rerank-mock: {recordings.summary}", file=sys.stderr)
        return recordings


def is_shared(state: str | None) -> bool:
    """Return whether `--state` is an address and no file."""
    return state is not None and "://" in state


def environment_of(
    listener: socket.socket, key: str, environment: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a command: where the mock is, and no proxy on the way to it."""
    url = url_of(*listener.getsockname()[:2])
    direct = {
        name: ",".join(filter(None, (environment.get(name), urlsplit(url).hostname)))
        for name in ("NO_PROXY", "no_proxy")
    }
    return {**environment, **direct, BASE_URL: url, API_KEY: key}


def _keys_of(file: str | None) -> list[str]:
    """Return the keys in a file, one in each line."""
    if file is None:
        return []
    try:
        text = read_file(file).decode()
    except FileError as error:
        raise CommandError(f"{file}: {error}") from None
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    keys = [_key(file, number, line) for number, line in lines if line]
    if not keys:
        raise CommandError(f"{file}: has no key")
    return keys


def _key(file: str, number: int, line: str) -> str:
    if len(line) > LONGEST_KEY:
        raise CommandError(f"{file}: line {number} is longer than {LONGEST_KEY} characters")
    try:
        return word(line)
    except argparse.ArgumentTypeError as error:
        raise CommandError(f"{file}: line {number} {error}") from None


def declare(parser: Parser) -> None:
    """Add the options of `rerank-mock serve` to its parser."""
    add, default = parser.add_argument, Serving()
    port = f"port to listen on, 0 for any free port; default: {PORT}, with a COMMAND 0"
    listening.declare(parser, port)
    add(
        "--key",
        action="extend",
        nargs="+",
        type=word,
        help=f"an API key to accept; repeatable; default: {DEFAULT_KEY}",
    )
    add("--key-file", metavar="FILE", help="a file with API keys to accept, one in each line")
    add(
        "--unlimited",
        action="store_const",
        const=True,
        help="accounts have no rate limits and never run out of money",
    )
    add(
        "--behaviour",
        metavar="NAME|FILE",
        help=f"a preset ({', '.join(PRESET_NAMES)}) or a JSON file; default: {default.behaviour}",
    )
    add(
        "--hostile",
        action="extend",
        nargs="+",
        choices=HOSTILE,
        help="shapes: answers that are legal and inconvenient; faults: an error before each;"
        " repeatable",
    )
    add(
        "--seed",
        type=whole_number,
        help=f"what hostile answers and ids are drawn from; default: {default.seed}",
    )
    add(
        "--state",
        metavar="FILE|URL",
        help="start from a saved state, or share the one in a Redis (redis://HOST, rediss://HOST,"
        " unix://PATH; ?name=NAME for one of several); its accounts and behaviour replace --key,"
        " --key-file, --unlimited and --behaviour",
    )
    add(
        "--workers",
        type=count,
        metavar="N",
        help=f"how many processes serve; more than one needs --state URL; default:"
        f" {default.workers}",
    )
    add(
        "--replay",
        metavar="FILE",
        help="answer with what an HTTP archive (HAR) has recorded; "
        "requests of /rerank are answered whatever their key",
    )
    add(
        "--unrecorded",
        choices=get_args(Unrecorded),
        help="refuse requests that --replay has no recording of, or answer them as without it;"
        " default: refuse",
    )
