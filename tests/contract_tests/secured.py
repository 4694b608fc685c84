"""A server that says what it was asked for, with TLS of an own authority or as a proxy."""

import ssl
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which

import pytest

needs_openssl = pytest.mark.skipif(which("openssl") is None, reason="there is no openssl")
#: Makes an authority, and a certificate for the loopback that it signs.
OPENSSL = """
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority \
    -keyout ca.key -out ca.pem -addext keyUsage=critical,keyCertSign
openssl req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr
printf 'subjectAltName=IP:127.0.0.1\\nauthorityKeyIdentifier=keyid' > extensions
openssl x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
    -extfile extensions -out server.pem
"""


class Handler(BaseHTTPRequestHandler):
    """Answers with what it was asked for."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        names = ("authorization", "x-tenant", "x-gateway", "proxy-authorization")
        said = " ".join([self.path, *(str(self.headers.get(name)) for name in names)]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_CONNECT(self) -> None:
        self.send_error(407)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # as inherited
        """Say nothing: a test has its own output."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Generator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def certify(folder: Path) -> ssl.SSLContext:
    """Make an authority, ``ca.pem``, and what a server of it needs to listen."""
    subprocess.run(["sh", "-ec", OPENSSL], cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context
