"""`rerank-mock wait`: until a mock answers."""

import http
import http.client
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from urllib.parse import urlsplit

from ..serving.asgi import HEALTH, HEALTHY
from .listening import PORT, Listening, url_of
from .parser import CommandError, Parser, seconds, variable_of

#: How long to wait between two questions, and for one answer, in seconds.
_PAUSE = 0.1
_PATIENCE = 2.0

#: The options of `serve` that say where it listens.
PLACE = ("--host", "--port")


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The options of `rerank-mock wait`; `declare` describes them."""

    #: None means where `rerank-mock serve` listens.
    url: str | None = None
    seconds: float = 30.0
    host: str = Listening.host
    port: int = PORT

    def run(
        self,
        ask: Callable[[str, float], str] | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> int:
        """Wait until the mock answers; return 0. Raises `CommandError`.

        `ask` takes a base URL and a timeout; it returns why there is no mock, or "".
        """
        base = _base(self._url)
        end = now() + self.seconds
        while problem := (ask or health)(base, max(min(end - now(), _PATIENCE), _PAUSE)):
            if now() + _PAUSE > end:
                waited = f"{self.seconds:g} s"
                raise CommandError(f"no mock answered at {base} within {waited}: {problem}", 1)
            sleep(_PAUSE)
        return 0

    @property
    def _url(self) -> str:
        if self.url is not None:
            return self.url
        if not self.port:
            name = variable_of("--port")
            raise CommandError(f"{name} is 0, which is any free port: give the URL of the mock")
        return url_of(self.host, self.port)


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
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not valid: {error.verify_message}"
    except ssl.SSLError:
        return "the server there does not speak TLS: the URL of a mock begins with http://"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    finally:
        connection.close()
    answered = f"GET {path}{HEALTH} was answered with {answer.status}"
    if path and answer.status == http.HTTPStatus.NOT_FOUND:
        return f"{answered}: the URL must be the base URL of the mock, which ends in /v1"
    return f"{answered}, but not by a mock"


def declare(parser: Parser) -> None:
    """Add the options of `rerank-mock wait` to its parser."""
    parser.add_argument(
        "url",
        nargs="?",
        metavar="URL",
        help=f"base URL of the mock; default: {url_of(Waiting.host, PORT)}, or the"
        f" address in {variable_of('--host')} and {variable_of('--port')}",
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
