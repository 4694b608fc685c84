"""A conforming ``/v1/rerank`` of another house: it shares neither code nor data with the project.

The judge must find nothing in it, whichever of its legal freedoms it takes. Standard library
only; deterministic by seed. ``python -m tests.independent_server --port 0`` serves it alone.
"""

import argparse
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

from tests.independent_service import Freedoms, Reply, Service

Json: TypeAlias = Any

#: Name -> freedoms; each freedom that the default does not take, taken alone.
VARIANTS: dict[str, dict[str, Json]] = {
    "default": {},
    "gated_refused": {"gated": "refused"},
    "unknown_fields_refused": {"unknown_fields": "refused"},
    "null_refused": {"null": "refused"},
    "integral_floats_refused": {"integral_floats": "refused"},
    "top_n_beyond_documents_refused": {"top_n_beyond_documents": "refused"},
    "one_model_only": {"only_model": "BAAI/bge-reranker-v2-m3"},
    "document_absent": {"document": "absent"},
    "no_meta": {"meta": False},
    "extra_members": {"extra_members": True},
    "prefixed_ids": {"id_shape": "prefixed"},
    "number_ids": {"id_shape": "number"},
    "logits": {"logits": True},
    "integer_scores": {"integer_scores": True},
    "ties": {"ties": True},
    "noise": {"noise": 1e-6},
    "lower_header_names": {"header_case": "lower"},
    "upper_header_names": {"header_case": "upper"},
    "chunked": {"chunked": True},
    "pretty": {"pretty": True},
    "unauthorized_403": {"unauthorized_status": 403},
    "unauthorized_object": {"unauthorized_body": "object"},
    "refusal_422": {"refusal_status": 422},
    "errors_without_code": {"error_code": False},
    "plain_not_found": {"plain_not_found": True},
    "rate_limited": {"rate_limited_every": 3},
    "overloaded": {"overloaded_every": 3},
}


class IndependentServer:
    """Serves on a port of the loopback, from ``with`` to its end.

    ``port`` 0 takes a free one; ``freedoms`` are fields of :class:`Freedoms`.
    """

    def __init__(
        self, api_key: str = "sk-independent", *, port: int = 0, seed: int = 0, **freedoms: Json
    ) -> None:
        self.api_key = api_key
        service = Service(api_key, seed, Freedoms(**freedoms))
        handler = type("Handler", (Handler,), {"service": service})
        self._server = Server(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def base_url(self) -> str:
        """The URL that ``/rerank`` is joined to."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> "IndependentServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Server(ThreadingHTTPServer):
    request_queue_size = 128


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: Else the body, a write of its own, waits until the head is acknowledged.
    disable_nagle_algorithm = True
    service: Service

    def handle(self) -> None:
        # A client may leave whenever it likes.
        with contextlib.suppress(ConnectionError):
            super().handle()

    def do_POST(self) -> None:
        try:
            body = self._body()
        except ValueError:
            self.close_connection = True
            self._send(Reply(400, "Bad Request"))
            return
        authorization = self.headers.get("authorization")
        self._send(self.service.reply(self.command, self.path, authorization, body))

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 # http.server calls these names

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue  # a trailer says nothing here
        return body

    def _send(self, reply: Reply) -> None:
        freedoms = self.service.freedoms
        kind, text = (
            "application/json",
            json.dumps(reply.body, indent=2 if freedoms.pretty else None),
        )
        if reply.plain:
            kind, text = "text/plain", str(reply.body)
        content, framing = text.encode("ascii"), ("content-length", str(len(text)))
        if freedoms.chunked:
            framing = ("transfer-encoding", "chunked")
            pieces = [content[start : start + 100] for start in range(0, len(content), 100)]
            content = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
        trace = ("x-siliconcloud-trace-id", f"ti_{self.service.token()}")
        self.send_response(reply.status)
        for name, value in (("content-type", kind), framing, trace, *reply.headers):
            self.send_header(getattr(name, freedoms.header_case)(), value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Json) -> None:  # noqa: A002 # as inherited
        """Say nothing: a test has its own output."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a conforming /v1/rerank.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", default="sk-independent", help="the key to accept")
    arguments = parser.parse_args()
    with IndependentServer(arguments.key, port=arguments.port) as server:
        print(server.base_url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
