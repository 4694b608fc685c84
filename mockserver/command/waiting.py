"""`rerank-mock wait`: until a mock answers."""

import http.client
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from urllib.parse import urlsplit

from ..serving.asgi import HEALTH, HEALTHY
from .parser import CommandError, Parser, seconds
from .serving import PORT

#: How long to wait between two questions, and for one answer, in seconds.
_PAUSE = 0.1
_PATIENCE = 2.0


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The options of `rerank-mock wait`; `declare` describes them."""

    url: str = f"http://127.0.0.1:{PORT}/v1"
    seconds: float = 30.0

    def run(
        self,
        ask: Callable[[str, float], str] | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> int:
        """Wait until the mock answers; return 0. Raises `CommandError`.

        `ask` takes a base URL and a timeout; it returns why there is no mock, or "".
        """
        base = _base(self.url)
        end = now() + self.seconds
        while problem := (ask or health)(base, max(min(end - now(), _PATIENCE), _PAUSE)):
            if now() + _PAUSE > end:
                waited = f"{self.seconds:g} s"
                raise CommandError(f"no mock answered at {base} within {waited}: {problem}", 1)
            sleep(_PAUSE)
        return 0


def health(base: str, timeout: float) -> str:
    """Ask a mock for its health; return why there is none, or an empty text."""
    url = urlsplit(base)
    secure = url.scheme == "https"
    # Not urllib.request: it would ask a proxy.
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=2 * timeout)
    problems: list[str] = []
    # The timeout of a connection is one of each read, which never ends if an answer drips.
    asking = Thread(target=lambda: problems.append(_ask(connection, url.path)), daemon=True)
    asking.start()
    asking.join(timeout)
    if not asking.is_alive():
        return problems[0]
    if connection.sock:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
    return f"{url.path}{HEALTH} had no whole answer within {timeout:g} s"


def _ask(connection: http.client.HTTPConnection, path: str) -> str:
    try:
        connection.request("GET", path + HEALTH)
        answer = connection.getresponse()
        if answer.status == 200 and answer.read(len(HEALTHY.body) + 1) == HEALTHY.body:
            return ""
    except (OSError, ValueError, http.client.HTTPException) as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    finally:
        connection.close()
    return f"{path}{HEALTH} was answered with {answer.status}: is this the base URL of a mock?"


def declare(parser: Parser) -> None:
    """Add the options of `rerank-mock wait` to its parser."""
    parser.add_argument(
        "url", nargs="?", metavar="URL", help=f"base URL of the mock; default: {Waiting.url}"
    )
    parser.add_argument(
        "--seconds",
        type=seconds,
        metavar="N",
        help=f"how long to wait at most; default: {Waiting.seconds:g}",
    )


def _base(text: str) -> str:
    """Return a URL without the path of the API."""
    try:
        url = urlsplit(text)
        (url.hostname or "").encode("idna")
        valid = url.scheme in ("http", "https") and url.hostname and url.port != 0
        valid = valid and text.isascii() and text.isprintable() and " " not in text
    except ValueError:
        valid = False
    if not valid:
        raise CommandError(f"URL must be one such as http://127.0.0.1:8787/v1, not {text!r}")
    return text.rstrip("/").removesuffix("/v1").rstrip("/")
