"""The way to a target: one deadline for a whole exchange, TLS, and a proxy.

httpx has timeouts for each single step only, which a target that drips never exceeds. So the
deadline is kept where bytes are read and written.
"""

import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from .wording import counted

#: Seconds that a whole exchange may take.
TIMEOUT = 60.0
#: What is written before the deadline is looked at again, in bytes.
_PIECE = 16_384


@dataclass(frozen=True)
class Route:
    """How a target is reached."""

    #: Seconds that a whole exchange may take.
    timeout: float = TIMEOUT
    #: Certificates to trust in place of the usual ones.
    ca_file: Path | None = None
    #: Whether any certificate will do.
    insecure: bool = False
    #: URL of the proxy; None where there is none between.
    proxy: str | None = None

    def open(self, base_url: str) -> httpx.Client:
        """Open a client for one target; it keeps connections, and follows no redirects."""
        addresses = filter(None, (base_url, self.proxy))
        is_secure = any(address.startswith("https:") for address in addresses)
        context = trust(self.ca_file, insecure=self.insecure) if is_secure else None
        # trust_env is off since the proxy is chosen by now.
        return httpx.Client(
            transport=_Transport(self, context), timeout=self.timeout, trust_env=False
        )


def proxy_for(base_url: str, named: str | None) -> str | None:
    """The proxy on the way: the named one, else that of the environment; none to loopback."""
    url = httpx.URL(base_url)
    if is_loopback(url.host):
        return None
    proxies = {} if proxy_bypass(url.host) else getproxies()
    found = named or proxies.get(url.scheme) or proxies.get("all")
    return f"http://{found}" if found and "://" not in found else found


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def trust(ca_file: Path | None, *, insecure: bool) -> ssl.SSLContext:
    """The certificates to trust. Raises `OSError` for a file that holds none."""
    if ca_file is not None and not insecure:
        return ssl.create_default_context(cafile=ca_file)
    # Reads SSL_CERT_FILE and SSL_CERT_DIR.
    return httpx.create_ssl_context(verify=not insecure)


class _Deadline(threading.local):
    """When the exchange of this thread must be over."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = float("inf")
        self._seconds = 0.0

    def begin(self, seconds: float) -> None:
        """An exchange begins."""
        self._seconds, self._until = seconds, self._clock() + seconds

    @property
    def passed(self) -> httpcore.ReadTimeout:
        """What is raised when there is no time left."""
        return httpcore.ReadTimeout(f"no whole answer within {counted(self._seconds, 'second')}")

    def left(self, timeout: float | None) -> float:
        """Seconds that the next step may take. Raises `httpcore.ReadTimeout` if none are left."""
        left = self._until - self._clock()
        if left <= 0:
            raise self.passed
        return left if timeout is None else min(timeout, left)


class _Transport(httpx.BaseTransport):
    """Does what `httpx.HTTPTransport` does, with streams that keep the deadline."""

    def __init__(self, route: Route, context: ssl.SSLContext | None) -> None:
        self._timeout = route.timeout
        self._deadline = _Deadline()
        #: Where the proxy is, without name and password; None without one.
        self._proxy: str | None = None
        backend = _Backend(self._deadline)
        if route.proxy is None:
            self._pool = httpcore.ConnectionPool(context, network_backend=backend)
            return
        proxy = httpx.Proxy(route.proxy)
        self._proxy = str(proxy.url)
        self._pool = httpcore.HTTPProxy(
            str(proxy.url),
            proxy_auth=proxy.raw_auth,
            ssl_context=context,
            proxy_ssl_context=context if proxy.url.scheme == "https" else None,
            network_backend=backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._deadline.begin(self._timeout)
        url = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            answer = self._pool.handle_request(sent)
        except httpcore.ConnectError as error:
            if self._proxy is None:
                raise
            # It may be the proxy that was not reached.
            raise httpcore.ProxyError(f"{error}, by way of {self._proxy}") from None
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer),
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class _Backend(httpcore.SyncBackend):
    """Connections whose every step ends before the deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        stream = super().connect_tcp(
            host, port, self._deadline.left(timeout), local_address, socket_options
        )
        return _Stream(stream, self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return self._stream.read(max_bytes, self._deadline.left(timeout))
        except httpcore.ReadTimeout:
            raise self._deadline.passed from None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _Stream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as inherited
        return self._stream.get_extra_info(info)
