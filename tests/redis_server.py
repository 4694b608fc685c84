"""A Redis of the tests' own, on a socket in a folder of its own."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

#: Why the tests skip that need it.
MISSING = "" if shutil.which("redis-server") else "needs redis-server: see `make toolchains`"


class RedisServer:
    """A `redis-server` that can be killed and started again; its data stays."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.socket = folder / "redis.sock"
        self._command = [
            *("redis-server", "--port", "0", "--unixsocket", str(self.socket)),
            *("--dir", str(folder), "--save", "", "--loglevel", "warning", *options),
        ]

    def url(self, name: str) -> str:
        """Return the address of the state of a mock."""
        return f"unix://{self.socket}?name={name}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        with self.client() as client:
            for _ in range(1000):
                try:
                    client.ping()
                    break
                except redis.RedisError:
                    assert self._process.poll() is None, "redis-server has ended"
                    time.sleep(0.01)

    @contextmanager
    def client(self) -> Generator[Any]:
        """Return a client; its types leave open whether an answer has to be awaited."""
        client: Any = redis.Redis(unix_socket_path=str(self.socket))
        try:
            yield client
        finally:
            client.close()

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        self._process.kill()
        self._process.wait()


@contextmanager
def redis_server(*options: str) -> Generator[RedisServer]:
    """Run a Redis until the end of the block."""
    # Not `tmp_path`: the name of a socket may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="rerank-redis-") as folder:
        server = RedisServer(Path(folder), *options)
        server.start()
        try:
            yield server
        finally:
            server.kill()
