"""`rerank-mock proxy`: its options, what it refuses, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from tests.mockserver.asking import fields
from tests.mockserver.command.commands import COMMAND, REPOSITORY, status_of
from tests.mockserver.serving.upstreams import answer, standing_in, until_gone

UPSTREAM = ("proxy", "--upstream", "http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("proxy",), "expected --upstream URL"),
        (("proxy", "--upstream", "ftp://a/v1"), "--upstream must be a base URL such as https://"),
        (("proxy", "--upstream", "https://"), "--upstream must be a base URL such as https://"),
        (("proxy", "--upstream", "https://a/v1?b"), "without name, password and query"),
        (("proxy", "--upstream", "https://a:sk-b@c/v1"), "without name, password and query"),
        (("proxy", "--upstream", "http://[/v1"), "--upstream must be a base URL such as https://"),
        (("proxy", "--upstream", "https://a/v1/rerank/"), "which /rerank is appended to"),
        ((*UPSTREAM, "--timeout", "0"), "--timeout must be more than 0"),
        ((*UPSTREAM, "--timeout", "x"), "must be a number from 0 to 86400, not 'x'"),
        ((*UPSTREAM, "--api-key-env", "sk-1"), "must be the name of an environment variable"),
        ((*UPSTREAM, "--api-key-env", "NONE_1"), "the environment variable NONE_1 is not set"),
        ((*UPSTREAM, "--revision", "1"), "1: neither a revision"),
        ((*UPSTREAM, "--host", "0.0.0.0", "--port", "0"), "other machines can reach /__admin"),
        ((*UPSTREAM, "--key", "sk-1"), "unrecognized arguments: --key"),
        ((*UPSTREAM, "--", "npm", "test"), "only serve takes a command after --"),
        ((*UPSTREAM, "--port", "0", "--har", "no/a.har"), "no/a.har cannot be written: No such"),
        ((*UPSTREAM, "--port", "0", "--har", "/dev/null"), "is not a plain file"),
        (
            ("proxy", "--upstream", "https://a/v1", "--ca-file", "none.pem"),
            "none.pem: No such file",
        ),
        (
            ("proxy", "--upstream", "https://a/v1", "--ca-file", __file__),
            "test_proxying.py: holds no certificates",
        ),
    ],
)
def test_wrong_options_are_one_line(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], reason: str
) -> None:
    assert status_of(*words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rerank-mock: ")
    assert reason in line
    assert "sk-b" not in line


def test_a_variable_that_is_wrong_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RERANK_MOCK_UPSTREAM", "here")
    assert status_of("proxy") == 2
    assert "RERANK_MOCK_UPSTREAM: --upstream must be" in capsys.readouterr().err


def test_the_proxy_is_not_its_own_upstream(capsys: pytest.CaptureFixture[str]) -> None:
    with standing_in(b"") as taken:
        port = str(taken.port)
    for host in ("127.0.0.1", "localhost"):
        assert status_of("proxy", "--upstream", f"http://{host}:{port}/v1", "--port", port) == 2
        assert "is this proxy itself" in capsys.readouterr().err


def test_ctrl_c_while_modules_are_imported_ends_without_a_traceback() -> None:
    program = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'mockserver.command.main':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from mockserver.__main__ import main\n"
        "main(['proxy'])\n"
    )
    done = subprocess.run(
        [*COMMAND[:1], "-c", program], cwd=REPOSITORY, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


@pytest.mark.slow
def test_all_that_is_logged_as_json_is_json() -> None:
    received = threading.Event()

    def hang(client: socket.socket, _: bytes) -> None:
        received.set()
        until_gone(client, b"")

    with standing_in(hang) as stand_in:
        options = ("--upstream", stand_in.base_url, "--port", "0", "--log-json")
        with subprocess.Popen(
            [*COMMAND, "proxy", *options],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "RERANK_MOCK_TIMEUOT": "1"},
        ) as process:
            assert process.stdout
            host, port = process.stdout.readline().split()[-1].split("/")[2].split(":")
            with socket.create_connection((host, int(port))) as wrong:
                wrong.sendall(b"no HTTP\r\n\r\n")
                assert b"400" in wrong.recv(1000)
            with socket.create_connection((host, int(port))) as calling:
                calling.sendall(b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n")
                assert received.wait(30)
                process.send_signal(signal.SIGTERM)
                _, log = process.communicate(timeout=30)
    rows = [json.loads(line) for line in log.splitlines()]
    messages = [row["message"] for row in rows if "message" in row]
    assert messages[1:] == [
        "refused a request that is no HTTP",
        "the server stops, and cuts calls off that are still in progress: 1",
    ]
    assert "RERANK_MOCK_TIMEUOT" in messages[0]
    assert [row["status"] for row in rows if "status" in row] == [499]


@pytest.mark.slow
def test_the_command_forwards_until_it_is_ended(tmp_path: Path) -> None:
    key, own = "sk-of-the-caller-0123456789", "sk-of-upstream-9876543210"
    with standing_in(answer(f'{{"said": "{own}"}}'.encode(), status="400 No")) as stand_in:
        path = tmp_path / "run.har"
        written = ("--api-key-env", "UP_KEY", "--har", str(path))
        options = ("--upstream", stand_in.base_url, "--port", "0", *written)
        with (
            (tmp_path / "log").open("w") as errors,
            subprocess.Popen(
                [*COMMAND, "proxy", *options],
                cwd=REPOSITORY,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "UP_KEY": own},
            ) as process,
        ):
            assert process.stdout
            base_url = process.stdout.readline().split()[-1]
            headers = {"authorization": f"Bearer {key}"}
            response = httpx.post(f"{base_url}/rerank", json=fields(), headers=headers, timeout=30)
            admin = f"{base_url.removesuffix('/v1')}/__admin"
            kept = httpx.get(f"{admin}/journal.har").text
            assert json.loads(path.read_bytes()) == json.loads(kept)
            # The limits of the mock do not come back with its beginning.
            httpx.post(f"{admin}/reset")
            httpx.post(f"{base_url}/rerank", content=b"x" * 5_000_000, timeout=30)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    assert response.json() == {"said": own}
    assert len(stand_in.body) == 5_000_000
    assert stand_in.head["authorization"] == [f"Bearer {own}"]
    log = (tmp_path / "log").read_text()
    assert "by upstream BAAI/bge-reranker-v2-m3 3 documents" in log
    recorded = path.read_text("utf-8")
    assert recorded.count('"_source":"upstream"') == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "run.har"]
    for secret in (key, own):
        assert secret not in kept + log + recorded
