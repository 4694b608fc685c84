"""Settings of all tests of the project itself."""

import gc
from collections.abc import Generator

import pytest
from hypothesis import settings

# A busy machine is no defect, and what fails for one must fail for all.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


def seconds(item: pytest.Item) -> int:
    """Return how long a test takes, roughly."""
    slow = item.get_closest_marker("slow")
    return 0 if slow is None else next(iter(slow.args), 2)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest first, so that no process works on one of them when the rest is done."""
    items.sort(key=seconds, reverse=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from thousands of collected tests, which stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
