"""What it costs to share a state: workers with a Redis, against one mock with its own memory."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .requests import MODEL, PAID_MODEL, REQUESTS, SHORT, unlike
from .served import Connection, Crowd, message, serving

#: Requests of a measurement, and the connections that they are sent on at once.
REQUESTS_SENT = 4000
CONNECTIONS = 16

#: Scripts that a request takes if nobody else was faster: two in one go before it is prepared.
SCRIPTS = 4

HEAD = """\
| workers | accounts | time | CPU of the workers | CPU of Redis | decisions made anew |
|--:|--:|--:|--:|--:|--:|"""


class Cost(NamedTuple):
    """What a request cost, in seconds."""

    time: float
    #: Of all processes of the mock.
    cpu: float
    #: Within the scripts of Redis.
    redis: float = 0.0
    #: The share of the decisions that were made anew.
    anew: float = 0.0


def sharing() -> Iterator[str]:
    """Measure workers on one account, and on as many as there are connections; yield rows."""
    keys = [f"sk-{number}" for number in range(CONNECTIONS)]
    options = ["--unlimited", "--quiet", "--key", *keys]
    alone = _measure(options, keys[:1])
    yield f"| 1, in memory | 1 | {_us(alone.time)} | {_us(alone.cpu)} | | |"
    for workers in (1, 2):
        for used in (keys[:1], keys):
            with _redis() as (url, client):
                shared = [*options, "--workers", f"{workers}", "--state", url]
                cost = _measure(shared, used, client)
            yield (
                f"| {workers} | {len(used)} | {_us(cost.time)} | {_us(cost.cpu)}, **"
                f"{cost.cpu / alone.cpu:.1f} times** | {_us(cost.redis)} | {cost.anew:.1%} |"
            )


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs"


def _measure(options: list[str], keys: list[str], redis: Any = None) -> Cost:  # noqa: ANN401 - a client
    with (
        serving("mockserver", "serve", "--port", "0", *options) as (server, port),
        ExitStack() as ends,
    ):
        crowd = Crowd(Connection(server.pid, port), CONNECTIONS, ends)
        crowd.exchange(_requests(keys, CONNECTIONS * 20))
        before, began = _Spent.of(server.pid, redis), time.perf_counter()
        crowd.exchange(_requests(keys, REQUESTS_SENT))
        took = time.perf_counter() - began
        after = _Spent.of(server.pid, redis)
    calls = (after.calls - before.calls) / REQUESTS_SENT
    return Cost(
        took / REQUESTS_SENT,
        (after.cpu - before.cpu) / REQUESTS_SENT,
        (after.redis - before.redis) / REQUESTS_SENT,
        max(calls - SCRIPTS, 0.0),
    )


def _requests(keys: list[str], count: int) -> list[bytes]:
    body = REQUESTS[SHORT].replace(MODEL.encode(), PAID_MODEL.encode())
    return [message("/v1/rerank", unlike(body), keys[n % len(keys)]) for n in range(count)]


class _Spent(NamedTuple):
    #: Seconds, of a process and those that it has started.
    cpu: float
    #: Seconds within scripts, and how many ran.
    redis: float
    calls: int

    @classmethod
    def of(cls, pid: int, redis: Any) -> "_Spent":  # noqa: ANN401 - a client
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        cpu = sum(map(_cpu, [pid, *map(int, children)]))
        if redis is None:
            return cls(cpu, 0.0, 0)
        run: dict[str, float] = redis.info("commandstats")["cmdstat_evalsha"]
        return cls(cpu, run["usec"] / 1e6, int(run["calls"]))


def _cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has taken, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    spent = [(task / "schedstat").read_text(encoding="ascii").split() for task in tasks]
    return sum(int(nanoseconds) for nanoseconds, *_ in spent) / 1e9


@contextmanager
def _redis() -> Generator[tuple[str, Any]]:
    """Run a Redis that keeps nothing; yield the address of a state in it, and a client."""
    import redis  # noqa: PLC0415 - an extra

    if shutil.which("redis-server") is None:
        raise SystemExit("cannot measure: there is no redis-server")
    with tempfile.TemporaryDirectory(prefix="rerank-redis-") as folder:
        place = f"{folder}/redis.sock"
        command = ["redis-server", "--port", "0", "--unixsocket", place, "--save", ""]
        with subprocess.Popen([*command, "--dir", folder], stdout=subprocess.DEVNULL) as server:
            client: Any = redis.Redis(unix_socket_path=place)
            try:
                while not Path(place).exists():
                    time.sleep(0.01)
                yield f"unix://{place}", client
            finally:
                client.close()
                server.terminate()
