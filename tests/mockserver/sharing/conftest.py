"""A Redis for the tests of this folder, and states that are shared there."""

import uuid
from collections.abc import Callable, Generator

import pytest

from mockserver.sharing.connection import Connection
from mockserver.sharing.redis_state import RedisState
from tests.redis_server import MISSING, RedisServer, redis_server


@pytest.fixture(scope="session")
def redis_here() -> Generator[RedisServer]:
    """A Redis that all tests share; each has its own names there."""
    if MISSING:
        pytest.skip(MISSING)
    with redis_server() as server:
        yield server


@pytest.fixture
def name() -> str:
    """The name of a mock that is no other's."""
    return uuid.uuid4().hex


@pytest.fixture
def join(redis_here: RedisServer, name: str) -> Callable[..., RedisState]:
    """Begin the state of a mock, or join it; each call is another process, as it were."""

    def join(**options: object) -> RedisState:
        return RedisState(Connection(redis_here.url(name)), **options)  # type: ignore[arg-type]

    return join
