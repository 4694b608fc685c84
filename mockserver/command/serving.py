"""`rerank-mock serve`: until it is interrupted, or as long as a command runs."""

import argparse
import os
import socket
import sys
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlsplit

from ..behaviour import PRESET_NAMES, load_behaviour
from ..contract import Contract, ContractError, load_contract, revisions
from ..files import FileError, read_file
from ..redaction import LONGEST_KEY
from ..scenarios.hostile import HOSTILE, Hostile
from ..serving import log
from ..serving.server import ThreadedServer, base_url, is_loopback, listen, serve
from ..state.recordings import Recordings, Unrecorded, load_recordings
from ..state.store import DEFAULT_KEY, UNLIMITED, State
from ..validation import InputError
from .parser import (
    PREFIX,
    CommandError,
    Parser,
    port,
    variable,
    variable_of,
    whole_number,
    word,
)
from .running import held_signals, run

#: What a command is run with: the base URL and a key.
BASE_URL, API_KEY = "RERANK_BASE_URL", "RERANK_API_KEY"

PORT = 8787

EPILOG = (
    f"Each option can also be set by an environment variable: {PREFIX}PORT for --port. With a"
    f" COMMAND, the mock runs until the command ends; that finds base URL and key in {BASE_URL}"
    f" and {API_KEY}, and its exit code becomes the exit code of rerank-mock."
)

#: Addresses to listen on that stand for all, and where this machine reaches them.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not listened on here


def url_of(host: str, port: int | None) -> str:
    """Return the base URL at which this machine reaches a mock that listens there."""
    host = _EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


@dataclass(frozen=True, kw_only=True)
class Serving:
    """The options of `rerank-mock serve`; `declare` describes them."""

    host: str = "127.0.0.1"
    #: None means `PORT`, or any free port with a command.
    port: int | None = None
    key: Sequence[str] = ()
    key_file: str | None = None
    unlimited: bool = False
    behaviour: str = "observed"
    hostile: Sequence[Hostile] = ()
    seed: int = 0
    revision: str | None = None
    admin_token_env: str | None = None
    state: str | None = None
    replay: str | None = None
    unrecorded: Unrecorded | None = None
    log: Literal["lines", "json", "nothing"] = "lines"
    #: The names of the options that come from the environment.
    from_environment: Collection[str] = ()

    def run(self, command: Sequence[str] | None) -> int:
        """Serve; return the exit code. Raises `CommandError`."""
        key, state = self._state()
        token = self._token()
        with self._listener(is_alone=command is None) as listener:
            if token is None and not is_loopback(listener):
                raise CommandError(
                    f"other machines can reach /__admin on {self.host}:"
                    " set a token with --admin-token-env"
                )
            if self.log != "nothing":
                form = log.json_line if self.log == "json" else log.line
                state.journal.listener = log.writer(sys.stderr, form)
            if command is None:
                line = f"rerank-mock ready at {base_url(listener)}"
                serve(state, listener, lambda: print(line, flush=True), token)
                return 0
            if state.account_of(key) is None:
                raise CommandError(
                    f"no account of {self.state} has the key that the command would get, which is"
                    " the first of --key or the default: pass a key of the state with --key"
                )
            with held_signals(), ThreadedServer(state, listener, token):
                return run(command, environment_of(listener, key, os.environ))

    def _state(self) -> tuple[str, State]:
        """Return a key, and the state of the mock."""
        with self._naming("key_file"):
            keys = [*dict.fromkeys([*self.key, *_keys_of(self.key_file)])] or [DEFAULT_KEY]
        with self._naming("revision"):
            contract = load_contract(self.revision)
        with self._naming("behaviour"):
            behaviour = load_behaviour(self.behaviour, contract)
        state = State(
            contract=contract,
            behaviour=behaviour,
            keys=keys,
            hostile=self.hostile,
            seed=self.seed,
            terms=UNLIMITED if self.unlimited else {},
            recordings=self._recordings(contract),
            unrecorded=self.unrecorded or "refuse",
        )
        if self.state:
            with self._naming("state"):
                state.load(self.state)
        return keys[0], state

    def _recordings(self, contract: Contract) -> Recordings | None:
        """Return what is replayed, and say on standard error how much that is."""
        if self.replay is None:
            if self.unrecorded is not None:
                with self._naming("unrecorded"):
                    raise CommandError("--unrecorded needs --replay FILE")
            return None
        with self._naming("replay"):
            recordings = load_recordings(self.replay, contract)
        print(f"rerank-mock: {recordings.summary}", file=sys.stderr)
        return recordings

    @contextmanager
    def _naming(self, option: str) -> Generator[None]:
        """Raise errors as `CommandError`, which names the variable that has set the option."""
        try:
            yield
        except (CommandError, ContractError, InputError) as error:
            variable = f"{variable_of(option)}: " if option in self.from_environment else ""
            raise CommandError(f"{variable}{error}") from None

    def _listener(self, *, is_alone: bool) -> socket.socket:
        number = (PORT if is_alone else 0) if self.port is None else self.port
        with self._naming("port" if self.port is not None else "host"):
            try:
                return listen(self.host, number)
            except OSError as error:
                reason = error.strerror or error
                message = f"cannot listen on {self.host} port {number}: {reason}"
                raise CommandError(message) from None

    def _token(self) -> str | None:
        """Return the token in the variable with that name."""
        name = self.admin_token_env
        if name is None:
            return None
        with self._naming("admin_token_env"):
            if name not in os.environ:
                raise CommandError(f"the environment variable {name} is not set")
            try:
                return word(os.environ[name])
            except argparse.ArgumentTypeError as error:
                raise CommandError(f"the environment variable {name} {error}") from None


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
    add("--host", type=word, help=f"address to listen on; default: {default.host}")
    add(
        "--port",
        type=port,
        help=f"port to listen on, 0 for any free port; default: {PORT}, with a COMMAND 0",
    )
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
        "--revision",
        metavar="NAME|FOLDER",
        help=f"a revision of the contract ({', '.join(revisions())}) or a folder that holds one;"
        f" default: {revisions()[-1]}",
    )
    add(
        "--admin-token-env",
        type=variable,
        metavar="NAME",
        help="the environment variable that holds the token for /__admin;"
        " required if other machines can reach the mock",
    )
    add(
        "--state",
        metavar="FILE",
        help="start from a saved state; its accounts and behaviour replace --key, --key-file,"
        " --unlimited and --behaviour",
    )
    add(
        "--replay",
        metavar="FILE",
        help="answer with what an HTTP archive (HAR) has recorded; any key is accepted",
    )
    add(
        "--unrecorded",
        choices=get_args(Unrecorded),
        help="refuse requests that --replay has no recording of, or answer them as without it;"
        " default: refuse",
    )
    lines = parser.add_mutually_exclusive_group()
    lines.add_argument(
        "--quiet", dest="log", action="store_const", const="nothing", help="do not log requests"
    )
    lines.add_argument(
        "--log-json",
        dest="log",
        action="store_const",
        const="json",
        help="log one JSON object per line",
    )
