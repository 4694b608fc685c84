"""The judge: property-based contract tests for anything that answers POST /v1/rerank.

A test draws a request (`strategies`), the judge sends it to the target within the limits
(`judging`, `targets`), checks and relations yield violations (`checks`), the ledger keeps them, and
the report shows the outcome of each requirement (`report`).

    test -> strategies -> judge -> target -> checks, relations -> ledger -> report

These are its public names. Nothing is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .__main__ import main
    from .checks.catalogue import examine
    from .checks.oracle import NonconformingError, Oracle, assert_conforms
    from .checks.violations import Violation
    from .contract import Contract, RevisionError, load_contract
    from .exchanges import Answer, Credential, Exchange, Request
    from .targets import HttpTarget

__all__ = [
    "Answer",
    "Contract",
    "Credential",
    "Exchange",
    "HttpTarget",
    "NonconformingError",
    "Oracle",
    "Request",
    "RevisionError",
    "Violation",
    "assert_conforms",
    "examine",
    "load_contract",
    "main",
]

#: Each public name and the module that has it.
_MODULES = {
    "Answer": "exchanges",
    "Contract": "contract",
    "Credential": "exchanges",
    "Exchange": "exchanges",
    "HttpTarget": "targets",
    "NonconformingError": "checks.oracle",
    "Oracle": "checks.oracle",
    "Request": "exchanges",
    "RevisionError": "contract",
    "Violation": "checks.violations",
    "assert_conforms": "checks.oracle",
    "examine": "checks.catalogue",
    "load_contract": "contract",
    "main": "__main__",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
