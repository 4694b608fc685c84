"""The mock server: it answers requests as the service would.

These are its public names. Nothing is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .behaviour import Behaviour, BehaviourError, load_behaviour
    from .contract import Contract, ContractError, load_contract
    from .parsed_request import RerankRequest
    from .scenarios.armed import Receipt, UnmetError
    from .scenarios.hostile import HostileError
    from .scenarios.scenario import Drip, Edit, Scenario, ScenarioError, Step
    from .state.accounts import Account, AccountError
    from .state.clock import Clock
    from .state.entry import Entry
    from .state.exchanges import Advice
    from .state.journal import Journal
    from .state.models import ModelError
    from .state.pins import Pin, PinError, load_pins
    from .state.recordings import RecordingError
    from .state.snapshots import StateError
    from .state.store import State
    from .testing.calls import Calls
    from .testing.contexts import MockedRerank, mock_rerank, serve_rerank
    from .testing.expectations import AdviceWarning, ExpectationError
    from .testing.fixtures import RerankMock
    from .wire import Request, Response, Usage

__all__ = [
    "Account",
    "AccountError",
    "Advice",
    "AdviceWarning",
    "Behaviour",
    "BehaviourError",
    "Calls",
    "Clock",
    "Contract",
    "ContractError",
    "Drip",
    "Edit",
    "Entry",
    "ExpectationError",
    "HostileError",
    "Journal",
    "MockedRerank",
    "ModelError",
    "Pin",
    "PinError",
    "Receipt",
    "RecordingError",
    "Request",
    "RerankMock",
    "RerankRequest",
    "Response",
    "Scenario",
    "ScenarioError",
    "State",
    "StateError",
    "Step",
    "UnmetError",
    "Usage",
    "load_behaviour",
    "load_contract",
    "load_pins",
    "mock_rerank",
    "serve_rerank",
]

#: Each public name and the module that defines it.
_MODULES = {
    "Account": "state.accounts",
    "AccountError": "state.accounts",
    "Advice": "state.exchanges",
    "AdviceWarning": "testing.expectations",
    "Behaviour": "behaviour",
    "BehaviourError": "behaviour",
    "Calls": "testing.calls",
    "Clock": "state.clock",
    "Contract": "contract",
    "ContractError": "contract",
    "Drip": "scenarios.scenario",
    "Edit": "scenarios.scenario",
    "Entry": "state.entry",
    "ExpectationError": "testing.expectations",
    "HostileError": "scenarios.hostile",
    "Journal": "state.journal",
    "MockedRerank": "testing.contexts",
    "ModelError": "state.models",
    "Pin": "state.pins",
    "PinError": "state.pins",
    "Receipt": "scenarios.armed",
    "RecordingError": "state.recordings",
    "Request": "wire",
    "RerankMock": "testing.fixtures",
    "RerankRequest": "parsed_request",
    "Response": "wire",
    "Scenario": "scenarios.scenario",
    "ScenarioError": "scenarios.scenario",
    "State": "state.store",
    "StateError": "state.snapshots",
    "Step": "scenarios.scenario",
    "UnmetError": "scenarios.armed",
    "Usage": "wire",
    "load_behaviour": "behaviour",
    "load_contract": "contract",
    "load_pins": "state.pins",
    "mock_rerank": "testing.contexts",
    "serve_rerank": "testing.contexts",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
