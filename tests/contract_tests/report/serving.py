"""Commands as a user starts them, and servers for them to speak to."""

import json
import os
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from contract_tests.contract import AnyJson

#: A key that must stand in nothing that is written.
KEY = "sk-kept-out-of-every-report-0123456789"
#: What steers Python, pytest or a workflow from outside.
STEERING = ("PYTHON", "PYTEST_", "GITHUB_", "COVERAGE_PROCESS_START")


def run(
    words: Sequence[str], folder: Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command in a folder, with the key at hand."""
    given = {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}
    return subprocess.run(
        words,
        cwd=folder,
        env={**given, "SILICONFLOW_API_KEY": KEY, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@contextmanager
def answering(
    *answers: tuple[int, AnyJson],
) -> Generator[tuple[str, list[tuple[str, bytes, str]]], None, None]:
    """Serve answers in turn, the last one for ever; yield the base URL and what is asked.

    In a body, and in a header of every answer, ``[key]`` stands for the header Authorization.
    """
    left = list(answers)
    asked: list[tuple[str, bytes, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length", "0")))
            asked.append((self.path, sent, self.headers.get("authorization", "")))
            status, body = left.pop(0) if len(left) > 1 else left[0]
            key = self.headers.get("authorization", "")
            content = json.dumps(body).replace("[key]", key).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.send_header("x-siliconcloud-trace-id", "ti_1")
            self.send_header("x-seen", key)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            """Keep quiet: what is asked is kept."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
        server.shutdown()
