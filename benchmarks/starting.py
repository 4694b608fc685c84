"""How long it takes to start: pytest with the plugins, and the server."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from .measuring import Comparison, Side
from .requests import REQUESTS, SHORT
from .served import CONSTANT, MOCK, Connection, serving

#: A process is started this often.
ROUNDS = 7

OFF = ("-p", "no:rerank_mock", "-p", "no:rerank_oracle")


def children() -> float:
    """Return the seconds of CPU of all processes that were started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def starts() -> Iterator[Comparison]:
    """Compare the CPU of starts."""
    with TemporaryDirectory() as folder:
        Path(folder, "test_nothing.py").write_text("def test_nothing(): pass\n", encoding="utf-8")
        pytest = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider"]
        run = partial(subprocess.run, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        yield Comparison(
            "`pytest`, both plugins installed and unused",
            "`pytest` without them",
            "none: one empty test",
            Side(partial(run, pytest), children),
            Side(partial(run, [*pytest, *OFF]), children),
            rounds=ROUNDS,
        )
    body = REQUESTS[SHORT]
    mock = ("mockserver", "serve", "--port", "0", "--quiet")
    yield Comparison(
        f"{MOCK}, from its start to the first answer",
        CONSTANT,
        SHORT,
        Side(partial(first_answer, mock, "/v1/rerank", body), children),
        Side(partial(first_answer, ("benchmarks.bare",), "/500", body), children),
        goal=1.5,
        rounds=ROUNDS,
    )


def first_answer(module: tuple[str, ...], path: str, body: bytes) -> None:
    """Start a server, send a request, and end it."""
    with serving(*module) as (server, port):
        connection = Connection(server.pid, port)
        connection.post(path, body)
        connection.close()
