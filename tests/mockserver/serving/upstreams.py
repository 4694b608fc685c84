"""Stand-ins for a service, on bare sockets: each answers with the bytes that a test gives it."""

import re
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

#: Answers a connection; gets the request that came.
Script = Callable[[socket.socket, bytes], None]


#: How a client begins that speaks TLS.
_TLS = b"\x16\x03"


@dataclass
class StandIn:
    """A server that keeps what it was sent."""

    port: int
    #: The requests, head and body.
    received: list[bytes] = field(default_factory=list[bytes])
    #: Set once the other side has closed a connection.
    left: threading.Event = field(default_factory=threading.Event)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def head(self) -> dict[str, list[str]]:
        """The headers of the last request, by name in lower case; "" has the request line."""
        first, *lines = self.received[-1].partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        found: dict[str, list[str]] = {"": [first]}
        for line in lines:
            name, _, value = line.partition(": ")
            found.setdefault(name.lower(), []).append(value)
        return found

    @property
    def body(self) -> bytes:
        """The body of the last request."""
        return self.received[-1].partition(b"\r\n\r\n")[2]


def answer(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """Return an answer of HTTP/1.1."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@contextmanager
def standing_in(script: Script | bytes) -> Generator[StandIn]:
    """Run a stand-in that answers each request with these bytes, or as the script does."""

    def play(client: socket.socket, request: bytes) -> None:
        if isinstance(script, bytes):
            client.sendall(script)
        else:
            script(client, request)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        stand_in = StandIn(listener.getsockname()[1])
        threads: list[threading.Thread] = []
        clients: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    clients.append(client)
                    thread = threading.Thread(target=serve, args=(client,))
                    threads.append(thread)
                    thread.start()

        def serve(client: socket.socket) -> None:
            with client, suppress(OSError):
                while request := _read(client):
                    stand_in.received.append(request)
                    play(client, request)
            stand_in.left.set()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield stand_in
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for client in clients:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def wait(event: threading.Event) -> bool:
    """Wait for an event, however slow the machine is."""
    return event.wait(30)


def until_gone(client: socket.socket, _: bytes) -> None:
    """Answer nothing until the other side closes."""
    while client.recv(1024):
        time.sleep(0)


def _read(client: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received and not received.startswith(_TLS):
        if not (part := client.recv(65536)):
            return b""
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body
