"""Settings of all tests of the project itself."""

import gc
from collections.abc import Generator

import pytest
from hypothesis import settings

# A busy machine is no defect, and what fails for one must fail for all.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from thousands of collected tests, which stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
