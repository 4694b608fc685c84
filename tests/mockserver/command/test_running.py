"""`rerank-mock serve -- COMMAND`: the mock lives as long as the command."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mockserver.command import running
from mockserver.command.serving import environment_of
from mockserver.serving.server import listen
from mockserver.state.store import State
from tests.mockserver.command.commands import COMMAND, REPOSITORY, status_of

#: Asks the mock as the variables say, and ends with 7.
CLIENT = """
import json, os, sys, urllib.request
body = {"model": "BAAI/bge-reranker-v2-m3", "query": "apple", "documents": ["a"]}
headers = {"Authorization": "Bearer " + os.environ["RERANK_API_KEY"]}
url = os.environ["RERANK_BASE_URL"] + "/rerank"
request = urllib.request.Request(url, json.dumps(body).encode(), headers)
print(urllib.request.urlopen(request).status, os.environ["RERANK_API_KEY"])
sys.exit(7)
"""


def test_a_command_finds_the_mock_and_its_exit_code_is_ours(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").write_text("sk-mine\nsk-other\n", encoding="utf-8")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    options = ("--key-file", str(tmp_path / "keys"), "--log-json")
    assert status_of("serve", *options, "--", sys.executable, "-c", CLIENT) == 7
    output, errors = capfd.readouterr()
    assert output == "200 sk-mine\n"
    assert json.loads(errors)["outcome"] == "answered"


def test_a_command_that_is_not_there_is_127(capfd: pytest.CaptureFixture[str]) -> None:
    assert status_of("serve", "--", "no-such-command") == 127
    complaint = "rerank-mock: cannot run no-such-command: No such file or directory\n"
    assert capfd.readouterr() == ("", complaint)


def test_a_command_that_may_not_be_run_is_126(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert status_of("serve", "--", str(tmp_path)) == 126
    assert capfd.readouterr().err == f"rerank-mock: cannot run {tmp_path}: Permission denied\n"


def test_a_port_that_is_taken_runs_no_command(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = str(listener.getsockname()[1])
        assert status_of("serve", "--port", number, "--", "echo", "run") == 2
    output, errors = capfd.readouterr()
    assert output == ""
    assert errors.startswith(f"rerank-mock: cannot listen on 127.0.0.1 port {number}: ")


def test_a_state_without_the_key_runs_no_command(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    State(keys=["sk-a"]).save(path := tmp_path / "state.json")
    assert status_of("serve", "--state", str(path), "--", "echo", "run") == 2
    complaint = (
        f"no account of {path} has the key that the command would get, which is the first of --key"
        " or the default: pass a key of the state with --key"
    )
    assert capfd.readouterr() == ("", f"rerank-mock: {complaint}\n")
    assert status_of("serve", "--state", str(path), "--key", "sk-a", "--", "echo", "run") == 0
    assert capfd.readouterr() == ("run\n", "")


def test_what_ends_by_a_signal_has_the_status_that_a_shell_gives() -> None:
    assert running.run(["sh", "-c", "kill -9 $$"], {}) == 128 + 9


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_command(number: signal.Signals) -> None:
    program = f"trap 'echo told; exit 5' {number.value}; echo ready; while :; do sleep 0.01; done"
    with subprocess.Popen(
        [*COMMAND, "serve", "--", "sh", "-c", program],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.communicate()[0] == "told\n"
    assert process.returncode == 5


#: Says which signals come, until it is asked to end.
LISTENER = """
import signal
numbers = [signal.SIGHUP, signal.SIGINT, signal.SIGTERM]
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
number = 0
while number != signal.SIGTERM:
    print(signal.Signals(number).name if number else "ready", flush=True)
    number = signal.sigwaitinfo(numbers).si_signo
"""


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="signals have no origin there")
@pytest.mark.parametrize("sender", ["terminal", "process"])
def test_on_a_terminal_the_command_gets_each_interrupt_once(sender: str) -> None:
    keyboard, terminal = os.openpty()
    # The first terminal that a new session opens is the one that controls it.
    at_terminal = ["sh", "-c", f'exec "$@" < {os.ttyname(terminal)}', "sh"]
    with subprocess.Popen(
        [*at_terminal, *COMMAND, "serve", "--", sys.executable, "-S", "-c", LISTENER],
        cwd=REPOSITORY,
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        watchdog = threading.Timer(20, process.kill)
        watchdog.start()
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        # Before the command is attended to, every signal is passed on.
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "SIGHUP\n"
        # Two that come at the same time count as one: a second one would be seen sooner or later.
        for _ in range(100):
            if sender == "terminal":
                os.write(keyboard, b"\x03")
            else:
                process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "SIGINT\n"
        process.send_signal(signal.SIGTERM)
        assert process.communicate()[0] == ""
        watchdog.cancel()
    assert process.returncode == 0
    os.close(keyboard)
    os.close(terminal)


def test_a_signal_before_the_command_has_started_reaches_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = subprocess.Popen

    def slow(*arguments: object, **options: object) -> "subprocess.Popen[bytes]":
        signal.raise_signal(signal.SIGTERM)
        return start(*arguments, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(subprocess, "Popen", slow)
    assert running.run(["sleep", "600"], {"PATH": "/bin:/usr/bin"}) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("host", "base_url", "direct"),
    [
        ("0.0.0.0", "http://127.0.0.1:{}/v1", "127.0.0.1"),
        ("::1", "http://[::1]:{}/v1", "::1"),
        ("::", "http://[::1]:{}/v1", "::1"),
    ],
)
def test_the_command_finds_an_address_that_it_can_reach(
    host: str, base_url: str, direct: str
) -> None:
    with listen(host) as listener:
        environment = environment_of(listener, "sk-a", {"NO_PROXY": "example.com", "A": "b"})
    assert environment == {
        "A": "b",
        "NO_PROXY": f"example.com,{direct}",
        "no_proxy": direct,
        "RERANK_BASE_URL": base_url.format(listener_port(environment)),
        "RERANK_API_KEY": "sk-a",
    }


def listener_port(environment: dict[str, str]) -> str:
    return environment["RERANK_BASE_URL"].removesuffix("/v1").rpartition(":")[2]
