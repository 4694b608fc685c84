"""What the gateway is configured to ask: a mock, a process of its own, behind a relay."""

from types import TracebackType

import httpx

from ..client.mock_process import Mock
from ..contract import AnyJson
from ..exchanges import Answer, Exchange, Request, parse_json
from ..redaction import blot_headers
from .parts import text_without_parts
from .relay import Relay
from .starting import StartError

#: The account that the key of the gateway belongs to.
ACCOUNT = "upstream"


class Upstream:
    """The mock that a gateway asks, between entry and exit of a `with` block."""

    #: The key that the gateway must send.
    key: str
    #: Bytes that the gateway has sent, and connections that it left, are seen there.
    relay: Relay

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str | None = None,
        revision: str | None = None,
    ) -> None:
        self._host, self._port, self._key = host, port, key
        self._mock = Mock(revision=revision)
        self._last = 0

    def __enter__(self) -> "Upstream":
        self._mock.__enter__()
        try:
            url = httpx.URL(self._mock.base_url)
            try:
                self.relay = Relay(self._host, self._port, (url.host, url.port or 80))
            except OSError as error:
                raise StartError(
                    f"--upstream-port: {self._port} cannot be used: {error.strerror}"
                ) from None
            self.relay.__enter__()
            terms = {"keys": [self._key]} if self._key else {}
            # Limits of its own are no failure that was asked for.
            self.key = self._mock.open_account(ACCOUNT, limits={}, **terms)
        except BaseException:
            self._mock.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.relay.__exit__(kind, error, traceback)
        self._mock.__exit__(kind, error, traceback)

    @property
    def base_url(self) -> str:
        """Where the gateway finds it."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.relay.port}/v1"

    def arm(self, *steps: AnyJson) -> None:
        """Have the next requests answered by the steps of a scenario."""
        self._mock.arm(ACCOUNT, {"steps": list(steps)})

    def disarm(self) -> None:
        """Answer as usual again."""
        self._mock.disarm(ACCOUNT)

    def slow_down(self, latency: AnyJson) -> None:
        """Let time pass before each answer."""
        self._mock.change_account(ACCOUNT, latency=latency)

    def calls(self, *secrets: str) -> list[Exchange]:
        """What it was asked since the last call, without the secrets; oldest first."""
        entries = self._mock.entries(after=self._last)
        if entries:
            self._last = entries[-1]["number"]
        return [_exchange(entry, secrets) for entry in entries if entry["method"] == "POST"]


def _exchange(entry: AnyJson, secrets: tuple[str, ...]) -> Exchange:
    def without(text: str) -> str:
        for secret in secrets:
            text = text_without_parts(text, secret)
        return text

    sent, answered = (
        blot_headers(entry[headers], without) for headers in ("headers", "response_headers")
    )
    body = without(entry["body"]).encode("utf-8", "surrogatepass")
    is_json, value = parse_json(body)
    request = Request(
        body=value if is_json else body, path=without(entry["path"]), headers=tuple(sent.items())
    )
    answer = Answer(
        entry["status"], answered, without(entry["response_body"]).encode("utf-8", "surrogatepass")
    )
    return Exchange(request, answer, entry["number"])
