"""What the commands that serve have in common: where they listen, who may steer them, their log."""

import argparse
import logging
import os
import socket
import sys
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

from ..contract import ContractError, revisions
from ..serving import log
from ..serving.growing import GrowingArchive
from ..serving.server import base_url, is_loopback, listen
from ..state.entry import Entry
from ..state.store import State
from ..validation import InputError
from .parser import CommandError, Parser, port, variable, variable_of, word

PORT = 8787

#: Addresses to listen on that stand for all, and where this machine reaches them.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not listened on here


def url_of(host: str, port: int | None) -> str:
    """Return the base URL at which this machine reaches a mock that listens there."""
    host = _EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


@dataclass(frozen=True, kw_only=True)
class Listening:
    """The options that these commands share; `declare` describes them."""

    host: str = "127.0.0.1"
    #: None means `PORT`, or any free port with a command.
    port: int | None = None
    revision: str | None = None
    admin_token_env: str | None = None
    har: str | None = None
    log: Literal["lines", "json", "nothing"] = "lines"
    #: The names of the options that come from the environment.
    from_environment: Collection[str] = ()

    @contextmanager
    def naming(self, option: str) -> Generator[None]:
        """Raise errors as `CommandError`, which names the variable that has set the option."""
        try:
            yield
        except (CommandError, ContractError, InputError) as error:
            variable = f"{variable_of(option)}: " if option in self.from_environment else ""
            status = error.status if isinstance(error, CommandError) else 2
            raise CommandError(f"{variable}{error}", status) from None

    @contextmanager
    def listener(self, token: str | None, *, is_alone: bool = True) -> Generator[socket.socket]:
        """Listen. Without a token only this machine may reach `/__admin`."""
        number = (PORT if is_alone else 0) if self.port is None else self.port
        with self.naming("port" if self.port is not None else "host"):
            try:
                found = listen(self.host, number)
            except OSError as error:
                # Python puts the address once more behind the words of the system.
                reason = (error.strerror or str(error)).partition(" (while attempting")[0]
                message = f"cannot listen on {self.host} port {number}: {reason}"
                raise CommandError(message) from None
        with found:
            if token is None and not is_loopback(found):
                raise CommandError(
                    f"other machines can reach /__admin on {self.host}:"
                    " set a token with --admin-token-env"
                )
            yield found

    def token(self) -> str | None:
        """Return the token for `/__admin`."""
        return self.secret("admin_token_env")

    def secret(self, option: str) -> str | None:
        """Return what is in the variable that an option names."""
        name: str | None = getattr(self, option)
        if name is None:
            return None
        with self.naming(option):
            if name not in os.environ:
                raise CommandError(f"the environment variable {name} is not set")
            try:
                return word(os.environ[name])
            except argparse.ArgumentTypeError as error:
                raise CommandError(f"the environment variable {name} {error}") from None

    def announce(self, listener: socket.socket) -> None:
        """Say that the mock is ready, and to a person where its page is."""
        print(f"rerank-mock ready at {base_url(listener)}", flush=True)
        if self.log == "lines" and sys.stderr.isatty():
            url = url_of(*listener.getsockname()[:2]).removesuffix("/v1")
            print(f"rerank-mock: its page is {url}/__admin/", file=sys.stderr, flush=True)

    @contextmanager
    def watching(self, state: State) -> Generator[None]:
        """Log each exchange, and write it into an archive."""
        with ExitStack() as open_files:
            listeners: list[Callable[[Entry], None]] = []
            if self.log != "nothing":
                form = log.json_line if self.log == "json" else log.line
                listeners.append(log.writer(sys.stderr, form))
            if self.har is not None:
                with self.naming("har"):
                    archive = _archive(self.har)
                open_files.callback(archive.close)
                listeners.append(archive.add)
            state.journal.listener = _all(listeners) if listeners else None
            yield


def _archive(path: str) -> GrowingArchive:
    try:
        return GrowingArchive(path, logging.getLogger(__name__).warning)
    except OSError as error:
        raise CommandError(f"--har: {path} cannot be written: {error.strerror}") from None


def _all(listeners: Sequence[Callable[[Entry], None]]) -> Callable[[Entry], None]:
    def tell(entry: Entry) -> None:
        for listener in listeners:
            listener(entry)

    return tell


def declare(parser: Parser, port_help: str) -> None:
    """Add these options to the parser of a command."""
    add = parser.add_argument
    add("--host", type=word, help=f"address to listen on; default: {Listening.host}")
    add("--port", type=port, help=port_help)
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
        "--har",
        metavar="FILE",
        help="write each exchange into this HTTP archive (HAR 1.2) as it comes, without keys",
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
