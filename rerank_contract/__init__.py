"""Contract tests and a mock for `POST /v1/rerank`: the names that most users need.

The others are in `rerank_contract.mockserver` and `rerank_contract.contract_tests`. Nothing is
imported before it is used.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

__all__ = [
    "Behaviour",
    "Calls",
    "Clock",
    "Drip",
    "Edit",
    "NonconformingError",
    "Oracle",
    "Pin",
    "RerankMock",
    "Scenario",
    "State",
    "Step",
    "__version__",
    "assert_conforms",
    "load_behaviour",
    "load_pins",
    "mock_rerank",
    "serve_rerank",
]

#: Each name and the room that offers it.
_ROOMS = {
    "Behaviour": "mockserver",
    "Calls": "mockserver",
    "Clock": "mockserver",
    "Drip": "mockserver",
    "Edit": "mockserver",
    "NonconformingError": "contract_tests",
    "Oracle": "contract_tests",
    "Pin": "mockserver",
    "RerankMock": "mockserver",
    "Scenario": "mockserver",
    "State": "mockserver",
    "Step": "mockserver",
    "assert_conforms": "contract_tests",
    "load_behaviour": "mockserver",
    "load_pins": "mockserver",
    "mock_rerank": "mockserver",
    "serve_rerank": "mockserver",
}

# In a checkout the rooms are beside this folder; in an installed package they are inside it.
if not (Path(__file__).parent / "mockserver").is_dir():
    __path__.append(str(Path(__file__).parents[1]))

if TYPE_CHECKING:
    from .contract_tests import NonconformingError, Oracle, assert_conforms
    from .mockserver import (
        Behaviour,
        Calls,
        Clock,
        Drip,
        Edit,
        Pin,
        RerankMock,
        Scenario,
        State,
        Step,
        load_behaviour,
        load_pins,
        mock_rerank,
        serve_rerank,
    )

    #: The version that is installed.
    __version__: str
else:

    def __getattr__(name: str) -> object:
        if name == "__version__":
            return import_module("importlib.metadata").version("rerank-contract")
        if name not in _ROOMS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_ROOMS[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
