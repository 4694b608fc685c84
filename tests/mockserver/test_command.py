"""`rerank-mock serve`, as a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from mockserver.state.store import State
from tests.mockserver.asking import connect, fields

COMMAND = [sys.executable, "-m", "mockserver"]
REPOSITORY = Path(__file__).parents[2]


@contextmanager
def serving(*options: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Start the command on a free port; yield the process and the base URL that it prints."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *options],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("rerank-mock ready at http://"), process.communicate()
            yield process, line.split()[-1]
        finally:
            process.kill()


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


def post(base_url: str, key: str = "sk-mock", **changes: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{base_url}/rerank", json=fields(**changes), headers=headers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_0(number: signal.Signals) -> None:
    with serving("--quiet") as (process, base_url):
        assert base_url.endswith("/v1")
        assert post(base_url).status_code == 200
        process.send_signal(number)
        assert process.communicate() == ("", "")
        assert process.returncode == 0


def test_a_signal_ends_it_while_an_upload_is_under_way() -> None:
    with serving() as (process, base_url):
        with connect(base_url) as connection:
            connection.sendall(b"POST /v1/rerank HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
            assert post(base_url).status_code == 200
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate()
        assert process.returncode == 0
        assert "Traceback" not in errors


def test_each_exchange_is_a_line_on_stderr() -> None:
    with serving() as (process, base_url):
        post(base_url)
        post(base_url, top_k=1)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate()
    first, second = errors.splitlines()
    assert output == ""
    assert " account-1 POST /v1/rerank 200 answered BAAI/bge-reranker-v2-m3 3 documents " in first
    assert second.endswith(" | unknown_field: `top_k`: did you mean `top_n`?")


def test_the_lines_may_be_json() -> None:
    with serving("--log-json") as (process, base_url):
        post(base_url, "sk-wrong")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
    (line,) = errors.splitlines()
    assert json.loads(line)["outcome"] == "key_invalid"


def test_the_log_need_not_be_read() -> None:
    with serving() as (process, base_url):
        assert process.stderr
        process.stderr.close()
        assert [post(base_url).status_code for _ in range(3)] == [200, 200, 200]


def test_keys_and_behaviour_are_taken_from_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "my.json"
    path.write_text('{"unknown_fields": "refuse"}', encoding="utf-8")
    with serving("--key", "sk-a", "--key", "sk-b", "--behaviour", str(path)) as (_, base_url):
        assert [post(base_url, key).status_code for key in ("sk-a", "sk-b")] == [200, 200]
        assert post(base_url, "sk-mock").status_code == 401
        assert post(base_url, "sk-a", top_k=1).status_code == 400


def test_the_state_file_decides_where_it_speaks(tmp_path: Path) -> None:
    state = State(keys=["sk-a"])
    state.change_account("account-1", limits={"RPM": 1})
    state.save(path := tmp_path / "state.json")
    with serving("--state", str(path), "--key", "sk-b") as (_, base_url):
        assert [post(base_url, key).status_code for key in ("sk-a", "sk-a", "sk-b")] == [
            200,
            429,
            401,
        ]


def test_a_wrong_state_file_is_one_line_and_2(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"version": 1, "accounts": [{"name": "a"}]}', encoding="utf-8")
    result = run("serve", "--state", str(path))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (f"rerank-mock: {path}: $.accounts[0]: the member 'keys' is missing\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["start"], "invalid choice: 'start'"),
        (["serve", "--prot", "1"], "unrecognized arguments: --prot 1"),
        (["serve", "--port", "65536"], "must be a number from 0 to 65535, not '65536'"),
        (["serve", "--port", "-1"], "must be a number from 0 to 65535, not '-1'"),
        (["serve", "--host", "256.0.0.1"], "cannot listen on 256.0.0.1 port 8787"),
        (["serve", "--host", "a" * 70], "cannot listen on aaa"),
        (["serve", "--host", "\u00fc"], "argument --host: must be printable ASCII without spaces"),
        (["serve", "--host", ""], "argument --host: must be printable ASCII without spaces"),
        (["serve", "--quiet", "--log-json"], "--log-json: not allowed with argument --quiet"),
        (["serve", "--behaviour", "observd"], "observd: neither a preset"),
        (["serve", "--behaviour", os.devnull], f"{os.devnull}: Is not JSON"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_2(arguments: list[str], complaint: str) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("rerank-mock: ")
    assert complaint in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("token", ["", "to ken", "t\u00f6ken"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_repeated(token: str) -> None:
    result = run("serve", "--admin-token-env", "TOKEN", TOKEN=token)
    assert result.returncode == 2
    assert result.stderr == (
        "rerank-mock: the environment variable TOKEN must be printable ASCII without spaces\n"
    )


def test_a_token_variable_that_is_not_set_is_named() -> None:
    result = run("serve", "--admin-token-env", "NO_SUCH_TOKEN")
    assert result.returncode == 2
    assert result.stderr == "rerank-mock: the environment variable NO_SUCH_TOKEN is not set\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_machines_reach_no_admin_without_a_token(host: str) -> None:
    result = run("serve", "--port", "0", "--host", host)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"rerank-mock: other machines can reach /__admin on {host}:"
        " set a token with --admin-token-env\n"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_token_is_asked_for_by_admin_alone(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("TOKEN", "right")
    with serving("--host", host, "--admin-token-env", "TOKEN") as (_, base_url):
        port = httpx.URL(base_url).port
        health = f"http://127.0.0.1:{port}/__admin/health"
        right = {"Authorization": "Bearer right"}
        assert [httpx.get(health, headers=h).status_code for h in ({}, right)] == [401, 200]
        assert post(f"http://127.0.0.1:{port}/v1").status_code == 200


@pytest.mark.parametrize("key", ["", "sk mock", "sk-\u00e9"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(key: str) -> None:
    result = run("serve", "--key", key)
    assert result.returncode == 2
    assert result.stderr == (
        "rerank-mock: argument --key: must be printable ASCII without spaces\n"
    )


def test_a_busy_port_is_one_line_and_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = run("serve", "--port", str(port))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"rerank-mock: cannot listen on 127.0.0.1 port {port}: ")
    assert "Address already in use" in result.stderr
    assert result.stderr.count("\n") == 1
