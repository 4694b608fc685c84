"""Several processes behind one socket are one mock, even if one of them, or Redis, is killed."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.mockserver.asking import HEADERS, QWEN
from tests.mockserver.command.commands import COMMAND, REPOSITORY, serving, status_of
from tests.redis_server import MISSING, RedisServer, redis_server

pytestmark = [
    pytest.mark.memory,
    pytest.mark.slow(covered=True),
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
]


class Answer(NamedTuple):
    """What a client got; status 0 if the connection broke."""

    status: int
    headers: dict[str, str]
    body: Any


def rerank(base_url: str, query: str, key: str = "sk-mock") -> Answer:
    """Send a request that costs money, over a connection of its own."""
    body = {"model": QWEN, "query": query, "documents": ["an apple", "a banana"]}
    return send(base_url, "POST", "/v1/rerank", body, {**HEADERS, "authorization": f"Bearer {key}"})


def send(
    base_url: str, method: str, path: str, body: object = None, headers: dict[str, str] = HEADERS
) -> Answer:
    url = urlsplit(base_url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=20)
    sent = None if body is None else json.dumps(body)
    try:
        connection.request(method, path, sent, headers)
        got = connection.getresponse()
        return Answer(
            got.status, {k.lower(): v for k, v in got.getheaders()}, json.loads(got.read())
        )
    except (OSError, http.client.HTTPException):
        return Answer(0, {}, None)
    finally:
        connection.close()


def admin(base_url: str, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    return send(
        base_url, method, f"/__admin{path}", body, {"content-type": "application/json"}
    ).body


def children_of(number: int) -> list[int]:
    """Return the processes that a process has started."""
    text = Path(f"/proc/{number}/task/{number}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]


def eventually(what: Callable[[], bool]) -> None:
    """Wait until something is true; however slow the machine is, it will be."""
    for _ in range(6000):
        if what():
            return
        time.sleep(0.01)
    raise AssertionError(what)


def all_at_once(*works: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def redis_here() -> Generator[RedisServer]:
    """A Redis that keeps what it has acknowledged."""
    with redis_server("--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@contextmanager
def workers(server: RedisServer, *options: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Serve with two workers; what it says on standard error must be read at the end."""
    state = server.url("workers")
    with serving("--quiet", "--workers", "2", "--state", state, *options) as (process, url):
        yield process, url


def test_of_requests_to_all_workers_exactly_the_allowed_number_passes(
    redis_here: RedisServer,
) -> None:
    with workers(redis_here) as (process, url):
        admin(url, "POST", "/accounts", {"name": "a", "keys": ["sk-a"], "limits": {"RPM": 20}})
        found: Counter[int] = Counter()
        answers = [lambda: found.update([rerank(url, "q", "sk-a").status]) for _ in range(60)]
        all_at_once(*answers)
        assert found == {200: 20, 429: 40}
        assert admin(url, "GET", "/health")["exchanges"] == 60
        process.terminate()
        process.communicate()
        assert process.returncode == 0


def test_two_commands_with_one_state_are_one_mock(redis_here: RedisServer) -> None:
    state = redis_here.url("both")
    with (
        serving("--quiet", "--state", state, "--key", "sk-one") as (_, first),
        serving("--quiet", "--state", state) as (process, second),
    ):
        assert rerank(second, "q", "sk-one").status == 200
        assert admin(first, "GET", "/health")["exchanges"] == 1
        process.terminate()
        said = process.communicate()[1]
    assert f"joins the state at {redis_here.socket}, database 0, name both" in said


def test_a_worker_that_is_killed_is_replaced_and_takes_nothing_with_it(
    redis_here: RedisServer,
) -> None:
    with workers(redis_here) as (process, url):
        first = children_of(process.pid)
        answers: list[Answer] = []

        def client(number: int) -> None:
            answers.extend(rerank(url, f"{number} {count}") for count in range(40))

        def kill() -> None:
            eventually(lambda: int(admin(url, "GET", "/health")["exchanges"]) > 20)
            os.kill(first[0], signal.SIGKILL)

        all_at_once(kill, *(lambda n=n: client(n) for n in range(4)))
        eventually(lambda: len(children_of(process.pid)) == 2)
        assert first[0] not in children_of(process.pid)
        balance_is_what_was_answered(url, answers)
        process.terminate()
        assert "was ended by SIGKILL: another one takes its place" in process.communicate()[1]


def balance_is_what_was_answered(url: str, answers: list[Answer]) -> None:
    """Assert that each answer is recorded and charged once, and little else is."""
    ids = [answer.body["id"] for answer in answers if answer.status == 200]
    assert ids
    entries = [e for e in admin(url, "GET", "/journal")["entries"] if e["path"] == "/v1/rerank"]
    recorded = Counter(json.loads(e["response_body"])["id"] for e in entries if e["status"] == 200)
    assert max(recorded.values()) == 1
    assert recorded.keys() >= {*ids}
    price = Decimal(next(e["charge"] for e in entries if e["status"] == 200))
    charged = (100 - Decimal(admin(url, "GET", "/accounts/account-1")["charged_balance"])) / price
    # What was not answered may have been charged, but each request once.
    assert len(recorded) <= charged <= len(answers)
    assert len(recorded) - len(ids) <= sum(answer.status in (0, 503) for answer in answers)


def test_what_was_answered_survives_the_death_of_redis_and_the_mock_recovers(
    redis_here: RedisServer,
) -> None:
    with workers(redis_here) as (process, url):
        answers: list[Answer] = []
        is_over = threading.Event()

        def client(number: int) -> None:
            while not is_over.is_set():
                answers.append(rerank(url, f"{number} {len(answers)}"))

        def fate() -> None:
            try:
                for _ in range(2):
                    eventually(lambda: sum(a.status == 200 for a in answers[-50:]) > 20)
                    redis_here.kill()
                    eventually(lambda: [a.status for a in answers[-3:]] == [503] * 3)
                    redis_here.start()
                eventually(lambda: sum(a.status == 200 for a in answers[-50:]) > 20)
            finally:
                is_over.set()

        all_at_once(fate, *(lambda n=n: client(n) for n in range(3)))
        assert {answer.status for answer in answers} == {200, 503}
        refused = next(answer for answer in answers if answer.status == 503)
        assert refused.headers["x-rerank-mock-fault"] == "state"
        balance_is_what_was_answered(url, answers)
        process.terminate()
        assert "cannot be reached" in process.communicate()[1]


def test_a_worker_that_ends_before_it_is_ready_is_replaced_too(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from mockserver.command import workers
workers.PAUSE = 0
folder, parent = Path(sys.argv[1]), os.getpid()
def work(ready):
    number = len([*folder.iterdir()])
    (folder / str(number)).touch()
    if number == 1:
        os._exit(4)
    ready()
    if number == 0:
        os._exit(3)
    print("serves")
    sys.stdout.flush()
    os.kill(parent, signal.SIGTERM)
with workers.running(1, work) as running:
    running.supervise()
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.stdout == "serves\n", ended.stderr
    assert "ended with exit code 3: another one takes its place" in ended.stderr
    assert "a worker has ended before it was ready" in ended.stderr
    assert "ended with exit code 4: another one takes its place" in ended.stderr


def test_workers_end_with_the_process_that_started_them(redis_here: RedisServer) -> None:
    with workers(redis_here) as (process, _):
        numbers = children_of(process.pid)
        assert len(numbers) == 2
        process.kill()
        process.wait()
        eventually(lambda: not any(Path(f"/proc/{number}").exists() for number in numbers))


def beside_workers(
    redis_here: RedisServer, program: str, *options: str
) -> "subprocess.CompletedProcess[str]":
    """Run a program in Python beside two workers, in a session of its own."""
    shared = ["--workers", "2", "--state", redis_here.url("a"), "--quiet"]
    return subprocess.run(
        [*COMMAND, "serve", *shared, *options, "--", sys.executable, "-c", program],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
        start_new_session=True,
    )


def test_a_command_runs_beside_the_workers(redis_here: RedisServer) -> None:
    program = """
import os, sys, urllib.request
headers = {"authorization": "Bearer " + os.environ["RERANK_API_KEY"]}
asked = urllib.request.Request(os.environ["RERANK_BASE_URL"] + "/models", headers=headers)
sys.exit(7 if urllib.request.urlopen(asked).status == 200 else 1)
"""
    ended = beside_workers(redis_here, program, "--key", "sk-mine")
    assert ended.returncode == 7, ended.stderr


def test_workers_beside_a_command_are_replaced_and_stay_until_it_ends(
    redis_here: RedisServer,
) -> None:
    # Ctrl-C goes to all processes, and a command may need the mock to clean up.
    program = """
import os, signal, time, urllib.request
pressed = []
signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
parent = os.getppid()
def workers():
    with open(f"/proc/{parent}/task/{parent}/children") as file:
        return {int(word) for word in file.read().split()} - {os.getpid()}
headers = {"authorization": "Bearer " + os.environ["RERANK_API_KEY"]}
asked = urllib.request.Request(os.environ["RERANK_BASE_URL"] + "/models", headers=headers)
def answered():
    return urllib.request.urlopen(asked, timeout=60).status
before = workers()
os.killpg(0, signal.SIGINT)
for _ in range(4):
    print(answered(), bool(pressed), workers() == before)
for number in before:
    os.kill(number, signal.SIGKILL)
for _ in range(6000):
    if len(workers() - before) == 2:
        break
    time.sleep(0.01)
print(answered(), len(workers() - before))
"""
    ended = beside_workers(redis_here, program)
    assert ended.stdout.split("\n") == [*["200 True True"] * 4, "200 2", ""], ended.stderr
    assert ended.stderr.count("another one takes its place") == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--workers", "2"],
            "--workers needs --state redis://HOST: each worker would count limits",
        ),
        (["--workers", "0"], "must be a number from 1 to 64, not '0'"),
        (
            ["--state", "redis://127.0.0.1:1"],
            "the state at 127.0.0.1:1, database 0, name rerank-mock",
        ),
        (["--state", "http://here"], "the address of a shared state begins with one of redis://"),
        (["--state", "redis://x", "--replay", "a.har"], "--replay cannot be shared"),
        (["--state", "redis://x", "--workers", "2", "--har", "a.har"], "--har is written by one"),
    ],
)
def test_what_cannot_be_shared_is_refused(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = 1 if options == ["--state", "redis://127.0.0.1:1"] else 2
    assert status_of("serve", "--port", "0", *options) == status
    assert message in capsys.readouterr().err


def test_a_password_that_stands_in_the_wrong_place_is_not_repeated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert status_of("serve", "redis://user:hush@here") == 2
    assert "redis://[redacted]@here" in capsys.readouterr().err


def test_a_mock_that_cannot_listen_begins_no_state(
    redis_here: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert status_of("serve", "--port", str(port), "--state", redis_here.url("a")) == 2
    assert "cannot listen" in capsys.readouterr().err
    with redis_here.client() as client:
        assert client.dbsize() == 0
