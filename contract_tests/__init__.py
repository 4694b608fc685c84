"""The judge: property-based contract tests for anything that answers POST /v1/rerank.

A test draws a request (`strategies`), the judge sends it to the target within the limits
(`judging`, `targets`), checks and relations yield violations (`checks`), the ledger keeps them, and
the report shows the outcome of each requirement (`report`).

    test -> strategies -> judge -> target -> checks, relations -> ledger -> report
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

#: Module -> the public names in it. It is imported when one of them is used.
_HOMES = {
    "__main__": ("main",),
    "checks.catalogue": ("examine",),
    "checks.oracle": ("NonconformingError", "Oracle", "assert_conforms"),
    "checks.violations": ("Violation",),
    "contract": ("Contract", "RevisionError", "load_contract"),
    "exchanges": ("Answer", "Credential", "Exchange", "Request"),
    "targets": ("HttpTarget",),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
