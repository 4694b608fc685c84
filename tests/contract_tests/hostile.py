"""Targets that answer so that whoever trusts them never ends, or runs out of memory."""

import gzip
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator

Script = Callable[[], Iterable[bytes]]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
MEGABYTE = 1024**2


def _endless(head: bytes, piece: bytes) -> Script:
    return lambda: itertools.chain([head], itertools.repeat(piece))


def _slowly(head: bytes, piece: bytes) -> Script:
    def drip() -> Iterator[bytes]:
        yield head
        while True:
            time.sleep(0.02)
            yield piece

    return drip


def whole(body: bytes, *headers: bytes) -> Script:
    """Give a body with its length, after some headers."""
    head = b"".join(b"%b\r\n" % header for header in headers)
    return lambda: [HEAD + head + b"content-length: %d\r\n\r\n" % len(body), body]


def _results(of: bytes) -> bytes:
    """As many results as are still read."""
    return b'{"id": "a", "results": [' + b",".join([of] * (250_000 // (len(of) + 1))) + b"]}"


_CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
#: What ends only because the judge ends it: no answer, or one that is not JSON.
ENDLESS: dict[str, Script] = {
    "a body": _endless(HEAD + b"\r\n", b"1" * MEGABYTE),
    "a body of white space": _endless(HEAD + b"\r\n{}", b" " * MEGABYTE),
    "chunks": _endless(_CHUNKED, b"10000\r\n" + b"1" * 0x10000 + b"\r\n"),
    "5 GB that are announced": _endless(
        HEAD + b"content-length: 5000000000\r\n\r\n", b"1" * MEGABYTE
    ),
    "a gzip bomb": whole(gzip.compress(bytes(256 * MEGABYTE), 1), b"content-encoding: gzip"),
    "headers": _endless(HEAD, b"x-more: headers\r\n" * 1000),
    "a header": _endless(HEAD + b"x-more: ", b"1" * MEGABYTE),
    "interim answers": _endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000),
    "a slow body": _slowly(HEAD + b"content-length: 1000000\r\n\r\n", b" "),
    "slow headers": _slowly(HEAD + b"x-slow: ", b"1"),
    "slow chunks": _slowly(_CHUNKED + b"10000\r\n", b" "),
    "no answer": _slowly(b"", b""),
}
#: What ends, and is heavy for whoever looks at all of it.
HEAVY: dict[str, Script] = {
    "results without members": whole(_results(b"{}")),
    "results that are no objects": whole(_results(b"[]")),
    "results that are numbers": whole(_results(b"0.1")),
    "many results": whole(_results(b'{"index":0,"relevance_score":0.5}')),
    "many backslashes": whole(b'"' + b"\\" * 1_000_000 + b'"'),
    "deep arrays": whole(b"[" * 900 + b"]" * 900),
    "a deep document": whole(
        b'{"id":"a","results":[{"index":0,"relevance_score":0.5,"document":'
        + b'{"a":' * 900
        + b"1"
        + b"}" * 900
        + b"}]}"
    ),
    "scores of 400 digits": whole(
        b'{"id":"a","results":[%b]}'
        % b",".join(b'{"index":%d,"relevance_score":%b}' % (i, b"1" * 400) for i in range(4))
    ),
    "scores of 5000 digits": whole(
        b'{"id":"a","results":[{"index":0,"relevance_score":%b}]}' % (b"1" * 5000)
    ),
}


class HostileServer:
    """Gives the same answer to every request, from ``with`` to its end."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            try:
                while connection.recv(65536):
                    for piece in self._script():
                        if self._closed.is_set():
                            return
                        connection.sendall(piece)
            except OSError:
                return

    def __enter__(self) -> "HostileServer":
        self._start(self._accept)
        return self

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        # A closed listener does not wake who accepts from it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()
