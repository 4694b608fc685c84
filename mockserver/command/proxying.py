"""`rerank-mock proxy`: in front of a real service, until it is interrupted."""

import socket
import ssl
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..behaviour import presets
from ..contract import load_contract
from ..serving.server import serve
from ..state.store import State
from . import listening
from .listening import PORT, Listening
from .parser import CommandError, Parser, seconds, variable

if TYPE_CHECKING:
    # It imports httpx, which no other command needs.
    from ..serving.upstream import Upstream

#: How long a call may take by default, in seconds.
TIMEOUT = 60.0

#: The most bytes of a request that are passed on, and of a body that the journal keeps.
LONGEST_REQUEST = 32 * 1024 * 1024
KEPT_BODY = 1024 * 1024

_CERTIFICATES = "holds no certificates"


@dataclass(frozen=True, kw_only=True)
class Proxying(Listening):
    """The options of `rerank-mock proxy`; `declare` describes them."""

    upstream: str = ""
    api_key_env: str | None = None
    timeout: float = TIMEOUT
    ca_file: str | None = None
    insecure: bool = False

    def run(self) -> int:
        """Serve; return the exit code. Raises `CommandError`."""
        from ..serving.forwarding import Forwarder  # noqa: PLC0415 - see above

        if not self.upstream:
            raise CommandError("expected --upstream URL")
        with self.naming("revision"):
            contract = load_contract(self.revision)
        usual = presets(contract)["observed"]
        state = State(contract=contract, behaviour=replace(usual, max_body_bytes=LONGEST_REQUEST))
        state.journal.body_bytes = KEPT_BODY
        upstream = self._upstream()
        if upstream.api_key is not None:
            state.known_keys.add(upstream.api_key)
        token = self.token()
        with self.listener(token) as listener:
            self._refuse_itself(listener)
            with self.watching(state):
                announce = partial(self.announce, listener)
                serve(state, listener, announce, token, Forwarder(upstream))
            return 0

    def _upstream(self) -> "Upstream":
        from ..serving.upstream import Upstream  # noqa: PLC0415 - see above

        with self.naming("upstream"):
            check_url(self.upstream)
        with self.naming("timeout"):
            if not self.timeout:
                raise CommandError("--timeout must be more than 0")
        api_key = self.secret("api_key_env")
        with self.naming("ca_file"):
            try:
                return Upstream(
                    base_url=self.upstream,
                    timeout=self.timeout,
                    ca_file=None if self.ca_file is None else Path(self.ca_file),
                    insecure=self.insecure,
                    api_key=api_key,
                )
            except OSError as error:
                reason = _CERTIFICATES if isinstance(error, ssl.SSLError) else error.strerror
                raise CommandError(f"{self.ca_file}: {reason}") from None

    def _refuse_itself(self, listener: socket.socket) -> None:
        """Refuse an upstream that is this proxy; what comes round by another way has a Via."""
        from ..serving.upstream import is_loopback  # noqa: PLC0415 - see above

        host, port = listener.getsockname()[:2]
        url = urlsplit(self.upstream)
        named = url.hostname or ""
        if url.port == port and (named == host or is_loopback(named)):
            raise CommandError(f"--upstream {self.upstream} is this proxy itself")


def check_url(text: str) -> None:
    """Raise `CommandError` unless a text is the base URL of a service."""
    try:
        url = urlsplit(text)
        (url.hostname or "").encode("idna")
        is_url = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        is_base = not (url.query or url.fragment or url.username is not None)
    except ValueError:
        is_url = is_base = False
    if not (is_url and is_base and text.isascii() and text.isprintable()) or " " in text:
        # The message does not repeat a password.
        raise CommandError(
            "--upstream must be a base URL such as https://api.siliconflow.cn/v1, without name,"
            " password and query"
        )
    if text.rstrip("/").endswith("/rerank"):
        raise CommandError(
            "--upstream is the base URL, which /rerank is appended to: leave that out at its end"
        )


def declare(parser: Parser) -> None:
    """Add the options of `rerank-mock proxy` to its parser."""
    add = parser.add_argument
    add(
        "--upstream",
        metavar="URL",
        help="base URL of the service that requests are forwarded to, such as https://host/v1",
    )
    listening.declare(parser, f"port to listen on, 0 for any free port; default: {PORT}")
    add(
        "--api-key-env",
        type=variable,
        metavar="NAME",
        help="the environment variable with a key for upstream, which replaces that of the caller",
    )
    add(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help=f"how long upstream may take for a whole answer; default: {TIMEOUT:g}",
    )
    add("--ca-file", metavar="FILE", help="certificates to trust in place of the usual ones")
    add("--insecure", action="store_const", const=True, help="accept any certificate of upstream")
