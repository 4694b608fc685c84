"""Upstream: the real service that a proxy forwards requests to.

Nothing is kept from one call to the next: no connections, no cookies, no keys, no redirects.
"""

import ipaddress
import ssl
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx

from ..contract import Refusal
from ..packing import PackingError, is_packed, unpack
from ..wire import Request, Response, json_response

#: How long a call may take, to the end of the answer, in seconds.
TIMEOUT = 60.0

#: The most bytes of an answer, also when it is unpacked.
LONGEST = 16 * 1024 * 1024

#: Headers that are for one connection only (RFC 9110, section 7.6.1).
_OF_CONNECTION = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te"),
        *("proxy-connection", "trailer", "transfer-encoding", "upgrade"),
    }
)
#: Headers of a request that are made anew for upstream.
_MADE_ANEW = frozenset({"accept-encoding", "content-length", "expect", "host", "via"})

_PATH = "/!$&'()*+,;=:@~-._"
#: In a path as it was sent an escape stands for itself.
_SENT = f"{_PATH}%"


def refuse(status: int, reason: str) -> NoReturn:
    """Refuse a request as the proxy itself does. Raises `Refusal`."""
    body = {"code": None, "message": f"rerank-mock: {reason}", "data": None}
    raise Refusal(json_response(status, body))


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A base URL, and how it is reached."""

    #: Stands for `/v1` in the paths of the proxy.
    base_url: str
    timeout: float = TIMEOUT
    #: Certificates to trust in place of the usual ones.
    ca_file: Path | None = None
    #: Whether any certificate will do.
    insecure: bool = False
    #: Replaces the key of the caller.
    api_key: str | None = field(default=None, repr=False)
    #: The name of this proxy in Via, by which it finds that a request comes round again.
    name: str = field(default_factory=lambda: f"rerank-mock-{uuid.uuid4().hex[:8]}")

    #: Not a client, which would keep cookies and read .netrc.
    _transport: httpx.AsyncHTTPTransport = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        proxy = proxy_for(self.base_url)
        is_secure = any(url.startswith("https:") for url in (self.base_url, proxy or ""))
        transport = httpx.AsyncHTTPTransport(
            # To read the usual certificates takes longer than all else.
            verify=trust(self.ca_file, insecure=self.insecure) if is_secure else False,
            trust_env=False,
            # What upstream sends too much would be taken for the answer to the next caller.
            limits=httpx.Limits(max_keepalive_connections=0),
            proxy=proxy,
        )
        object.__setattr__(self, "_transport", transport)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def send(self, request: Request) -> Response:
        """Return the answer of upstream as it came, without what belongs to its connection.

        Raises `Refusal` with the answer of the proxy if none came.
        """
        if f" {self.name}" in request.headers.get("via", ""):
            refuse(508, "upstream is this proxy itself: the request has come round again")
        target = self._target(request)
        try:
            with anyio.fail_after(self.timeout):
                status, headers, body = await self._exchange(target, request)
        except (TimeoutError, httpx.TimeoutException):
            refuse(504, f"upstream did not answer to the end within {self.timeout:g} s")
        except httpx.ProxyError as error:
            refuse(502, f"the proxy on the way to upstream failed: {_reason(error)}")
        except httpx.ConnectError as error:
            refuse(502, f"upstream cannot be reached: {_reason(error)}")
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            refuse(502, _broken(error))
        if not 200 <= status <= 599:
            refuse(502, f"upstream answered with the status {status}, which HTTP does not have")
        return self._answer(status, headers, body)

    def _target(self, request: Request) -> str:
        # What is encoded stays so: a %2F is not a slash.
        path = quote(request.raw_path or request.path, safe=_SENT if request.raw_path else _PATH)
        rest = path.removeprefix("/v1/")
        if rest == path or {"..", "."} & {*request.path.split("/")}:
            refuse(404, "only paths that begin with /v1/ are forwarded")
        query = f"?{request.query}" if request.query else ""
        return f"{self.base_url.rstrip('/')}/{rest}{query}"

    async def _exchange(
        self, target: str, request: Request
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = self._headers(request)
        asked = httpx.Request(
            request.method,
            target,
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
            content=request.body,
            extensions={"timeout": httpx.Timeout(self.timeout).as_dict()},
        )
        answer = await self._transport.handle_async_request(asked)
        body = bytearray()
        try:
            async for part in answer.aiter_raw():
                body += part
                if len(body) > LONGEST:
                    _refuse_length()
        finally:
            with anyio.CancelScope(shield=True):
                await answer.aclose()
        came = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in answer.headers.raw]
        return answer.status_code, came, bytes(body)

    def _headers(self, request: Request) -> Iterator[tuple[str, str]]:
        headers = dict(_passed(request.headers.items()))
        if self.api_key is not None:
            headers["authorization"] = f"Bearer {self.api_key}"
        # White space around a value is none of it (RFC 9110, section 5.5), and may not be sent.
        yield from (
            (name, value.strip(" \t")) for name, value in headers.items() if name not in _MADE_ANEW
        )
        # So that the body can be read, and passed on as it came.
        yield "accept-encoding", "identity"
        before = request.headers.get("via")
        yield "via", f"{before}, 1.1 {self.name}" if before else f"1.1 {self.name}"

    def _answer(self, status: int, raw: Iterable[tuple[str, str]], body: bytes) -> Response:
        headers: dict[str, str] = {}
        for name, value in _passed([(name.lower(), value) for name, value in raw]):
            # Cookies cannot be joined: the last one is passed on.
            is_first = name not in headers or name == "set-cookie"
            headers[name] = value if is_first else f"{headers[name]}, {value}"
        headers.pop("content-length", None)
        if is_packed(body, headers.get("content-encoding", "")):
            try:
                body = unpack(body, LONGEST)
            except PackingError:
                # The client finds the same fault in it.
                return Response(status, headers, body, source="upstream")
            if len(body) > LONGEST:
                _refuse_length()
            del headers["content-encoding"]
        return Response(status, headers, body, source="upstream")


def trust(ca_file: Path | None, *, insecure: bool) -> ssl.SSLContext:
    """Return the certificates to trust. Raises `OSError` for a file that holds none."""
    if ca_file is not None and not insecure:
        return ssl.create_default_context(cafile=ca_file)
    # Reads SSL_CERT_FILE and SSL_CERT_DIR.
    return httpx.create_ssl_context(verify=not insecure)


def proxy_for(base_url: str) -> str | None:
    """Return the proxy of the environment on the way to a base URL; none leads to loopback."""
    url = urlsplit(base_url)
    host = url.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    found = proxies.get(url.scheme) or proxies.get("all")
    return f"http://{found}" if found and "://" not in found else found


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _passed(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the headers that are not for one connection only; names are in lower case."""
    pairs = [*headers]
    named = {
        word.strip().lower()
        for name, value in pairs
        if name == "connection"
        for word in value.split(",")
    }
    yield from ((n, v) for n, v in pairs if n not in _OF_CONNECTION and n not in named)


def _refuse_length() -> NoReturn:
    refuse(502, f"the answer of upstream is longer than {LONGEST // 1024**2} MiB")


def _broken(error: Exception) -> str:
    """Return what was wrong with the exchange; the words of a library name its own objects."""
    said = str(error)
    if "without sending a response" in said:
        return "upstream closed the connection without an answer"
    if "complete message body" in said or "incomplete chunked" in said:
        return "upstream closed the connection in the middle of its answer"
    if isinstance(error, httpx.RemoteProtocolError):
        return "the answer of upstream is no HTTP"
    return f"upstream broke the exchange off: {_reason(error)}"


def _reason(error: Exception) -> str:
    """Return why there is no answer, in words that have no secret."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not valid, {cause.verify_message}; --ca-file names that of its"
                " authority, --insecure accepts any"
            )
        if isinstance(cause, ssl.SSLError):
            return "it does not speak TLS: is it http:// and not https://?"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    return str(error).rstrip(".").lower() or type(error).__name__
