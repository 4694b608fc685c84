"""Settings of all tests of the project itself."""

import gc
import os
import uuid
from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import settings

from tests.redis_server import MISSING, redis_server

# A busy machine is no defect, and what fails for one must fail for all.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


def seconds(item: pytest.Item) -> int:
    """Return how long a test takes, roughly."""
    slow = item.get_closest_marker("slow")
    return 0 if slow is None else next(iter(slow.args), 2)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start the longest first, so that no process works on one of them when the rest is done.

    Each of several processes begins with a row of tests of its own, so each row has its share of
    the longest. What another store cannot do is left out.
    """
    if config.getoption("--store") != "memory":
        left_out = [item for item in items if item.get_closest_marker("memory")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=seconds, reverse=True)
    workers: int = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = [item for worker in range(workers) for item in items[worker::workers]]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure no coverage while a slow test runs, nor in what it starts: it doubles the time."""
    slow, measuring = item.get_closest_marker("slow"), Coverage.current()
    if slow is None or slow.kwargs.get("covered") or measuring is None:
        return (yield)
    # By this, coverage is measured in processes that a test starts.
    config = os.environ.pop("COVERAGE_PROCESS_CONFIG")
    measuring.stop()
    try:
        return (yield)
    finally:
        os.environ["COVERAGE_PROCESS_CONFIG"] = config
        measuring.start()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from thousands of collected tests, which stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests of the mock run on another store."""
    parser.addoption("--store", choices=["memory", "redis"], default="memory")


def pytest_configure(config: pytest.Config) -> None:
    """With `--store redis`, put in place of `State` one that keeps each new state in a Redis."""
    if config.getoption("--store") == "redis":
        if MISSING:
            pytest.exit(MISSING, 0)
        # Before any test has imported it.
        import mockserver.state.store as store  # noqa: PLC0415, PLR0402
        from mockserver.sharing.connection import Connection  # noqa: PLC0415
        from mockserver.sharing.redis_state import RedisState  # noqa: PLC0415

        server = ExitStack()
        running = server.enter_context(redis_server())
        config.add_cleanup(server.close)

        class StateInRedis(RedisState):
            def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of `State`
                assert options.pop("recordings", None) is None
                options.pop("unrecorded", None)
                super().__init__(Connection(running.url(uuid.uuid4().hex)), **options)

        store.State = StateInRedis  # type: ignore[misc]
