"""A server that repeats the key wherever it can, slowly if that is wanted."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.contract_tests.exchanging import ANSWER


class Echo:
    """Serves on a port of the loopback, from ``with`` to its end."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        #: How many requests have come.
        self.requests = 0
        echo = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                echo.requests += 1
                time.sleep(seconds)
                self.rfile.read(int(self.headers["content-length"]))
                said = self.headers.get("authorization", "nothing")
                body = json.dumps({**ANSWER, "you said": said}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.send_header("x-you-said", said)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                echo.requests += 1
                self.send_error(404)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # as inherited
                """Say nothing: a test has its own output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> "Echo":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
