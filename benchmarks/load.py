"""What one client's worst requests cost another client, and the machine."""

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import orjson

from mockserver.behaviour import Behaviour
from mockserver.state.store import DEFAULT_KEY
from mockserver.wire import MAX_VALUES

from .requests import MODEL
from .served import serving

#: How many of the worst requests are sent at once.
CLIENTS = 4

#: How long the small requests of another client go on, in seconds.
SECONDS = 4.0

#: The longest body that the mock takes.
MOST = Behaviour().max_body_bytes

HEAD = """\
| what one client sends | longest wait of another client | peak memory | end after SIGTERM |
|---|--:|--:|--:|"""

SMALL = orjson.dumps({"model": MODEL, "query": "a", "documents": ["a", "b"]})


def _filled(start: bytes, unit: str, end: bytes = b"") -> bytes:
    """Return a body that is as long as the mock takes."""
    room = MOST - len(start) - len(end)
    return start + unit.encode() * (room // len(unit.encode())) + end


def _document(unit: str) -> bytes:
    return _filled(b'{"model":"%b","query":"a","documents":["a' % MODEL.encode(), unit, b'"]}')


def _documents(unit: str, first: bytes = b'"a"') -> bytes:
    start = b'{"model":"%b","query":"a","documents":[%b' % (MODEL.encode(), first)
    return _filled(start, f",{unit}", b"]}")


def _query(unit: str) -> bytes:
    start = b'{"model":"%b","documents":["a"],"query":"a' % MODEL.encode()
    return _filled(start, unit, b'"}')


def _objects(count: int) -> bytes:
    documents = [{"text": "a" * 60}] * count
    body = {"model": "Qwen/Qwen3-VL-Reranker-8B", "query": "a", "documents": documents}
    return orjson.dumps({**body, "return_documents": True})


def _joined(start: bytes, units: Iterable[str], comma: bytes, end: bytes) -> bytes:
    whole = comma.join(map(str.encode, units))[: MOST - 1000].rpartition(comma)[0]
    return b'{"model":"%b","documents":["a"],%b%b%b' % (MODEL.encode(), start, whole, end)


#: The worst bodies by the name that the table gives them.
BODIES = {
    "letters": _document("a"),
    "signs": _document(" !"),
    "combining marks": _document("\u0301\u0323"),
    "signs that grow under NFKC": _document("\ufdfa"),
    "Chinese": _document("学习"),
    "the same as a query": _query("学习 "),
    "a query of many words": _joined(b'"query":"', map("{}".format, range(MOST // 4)), b" ", b'"}'),
    "documents of one letter": _documents('"a"'),
    "as many documents as are read": orjson.dumps(
        {"model": MODEL, "query": "a", "documents": ["a"] * (MAX_VALUES - 10)}
    ),
    "as many objects as are read": _objects(MAX_VALUES // 2 - 10),
    "empty documents": _documents('""'),
    "numbers for documents": _documents("1", b"1"),
    "empty objects for documents": _documents("{}", b"{}"),
    "arrays in arrays": _documents("[[]]", b"[]"),
    "unknown fields": _joined(b'"query":"a",', map('"{}":0'.format, range(MOST // 4)), b",", b"}"),
    "a name twice": _filled(b"[", '{"a":0,"a":0},', b"0]"),
    "no JSON": b"[" * MOST,
}


def load() -> Iterator[str]:
    """Send each of the worst bodies at once on a few connections; yield the rows of a table."""
    for name, body in BODIES.items():
        with serving("mockserver", "serve", "--port", "0", "--quiet") as (server, port):
            waited = _longest_wait(port, body)
            peak = _peak(server.pid)
            seconds = _end(server, port, body)
        yield f"| {name} | {waited * 1000:.0f} ms | {peak:.0f} MB | {seconds:.1f} s |"


def _longest_wait(port: int, body: bytes) -> float:
    """Return the longest time, in seconds, that small requests waited beside large ones."""
    ended = threading.Event()

    def send() -> None:
        with suppress(OSError):
            while not ended.is_set():
                _post(port, body)

    clients = [threading.Thread(target=send, daemon=True) for _ in range(CLIENTS)]
    with socket.create_connection(("127.0.0.1", port)) as small:
        _ask(small, SMALL)
        for client in clients:
            client.start()
        longest, end = 0.0, time.monotonic() + SECONDS
        while (begin := time.monotonic()) < end:
            _ask(small, SMALL)
            longest = max(longest, time.monotonic() - begin)
            time.sleep(0.01)
        ended.set()
    return longest


def _end(server: "subprocess.Popen[str]", port: int, body: bytes) -> float:
    """Return how long the server takes to end while it works on the body."""
    threading.Thread(target=_post_anyhow, args=(port, body), daemon=True).start()
    time.sleep(0.3)
    begin = time.monotonic()
    server.send_signal(signal.SIGTERM)
    server.wait()
    return time.monotonic() - begin


def _post_anyhow(port: int, body: bytes) -> None:
    with suppress(OSError):
        _post(port, body)


def _post(port: int, body: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        _ask(connection, body)


def _ask(connection: socket.socket, body: bytes) -> None:
    head = (
        f"POST /v1/rerank HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {DEFAULT_KEY}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head_bytes, _, rest = received.partition(b"\r\n\r\n")
    left = int(head_bytes.partition(b"content-length: ")[2].split()[0]) - len(rest)
    while left > 0:
        left -= len(_some(connection))


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(1 << 20)
    if not received:
        raise ConnectionError("the server closed the connection")
    return received


def _peak(pid: int) -> float:
    """Return the most memory that a process has held, in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines["VmHWM"].split()[0]) / 1000
