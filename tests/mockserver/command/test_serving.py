"""`rerank-mock serve`, as a process of its own."""

import json
import signal
import sys
from pathlib import Path
from typing import Literal

import httpx
import pytest

from mockserver.command.listening import Listening
from mockserver.serving.server import ThreadedServer, listen
from mockserver.state.store import State
from tests.mockserver.asking import connect, fields
from tests.mockserver.command.commands import serving


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


@pytest.mark.parametrize(
    ("host", "is_terminal", "log"),
    [
        ("127.0.0.1", True, "lines"),
        ("0.0.0.0", True, "lines"),
        ("127.0.0.1", False, "lines"),
        ("127.0.0.1", True, "json"),
        ("127.0.0.1", True, "nothing"),
    ],
)
def test_a_person_at_a_terminal_learns_where_the_page_is(
    host: str,
    is_terminal: bool,
    log: Literal["lines", "json", "nothing"],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    with listen(host) as listener:
        port = listener.getsockname()[1]
        Listening(log=log).announce(listener)
    output, errors = capsys.readouterr()
    assert output == f"rerank-mock ready at http://{host}:{port}/v1\n"
    said = f"rerank-mock: its page is http://127.0.0.1:{port}/__admin/\n"
    assert errors == (said if is_terminal and log == "lines" else "")


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


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_token_is_asked_for_by_admin_alone(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("TOKEN", "right")
    with serving("--host", host, "--admin-token-env", "TOKEN") as (_, base_url):
        port = httpx.URL(base_url).port
        health = f"http://127.0.0.1:{port}/__admin/health"
        right = {"Authorization": "Bearer right"}
        assert [httpx.get(health, headers=h).status_code for h in ({}, right)] == [401, 200]
        assert post(f"http://127.0.0.1:{port}/v1").status_code == 200


def test_an_unlimited_account_meets_neither_a_limit_nor_the_end_of_its_money() -> None:
    with serving("--unlimited") as (_, base_url):
        admin = base_url.replace("/v1", "/__admin")
        httpx.post(f"{admin}/accounts", json={"name": "later"})
        for name in ("account-1", "later"):
            account = httpx.get(f"{admin}/accounts/{name}").json()
            assert account["limits"] == {}
            assert account["charged_balance"] == "999999999999999.00"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_its_health_is_told_to_everybody_and_not_recorded(method: str) -> None:
    with ThreadedServer(State(), listen(), "a token") as server:
        base = server.base_url.removesuffix("/v1")
        answer = httpx.request(method, f"{base}/health", headers={"host": "example.com"})
        assert answer.status_code == 200
        assert answer.content == (b'{"status":"ok"}' if method == "GET" else b"")
        assert httpx.post(f"{base}/health").status_code == 404
        assert server.state.journal.seen == 1
