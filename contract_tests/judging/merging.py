"""Puts together what the processes of one run have learnt, each of which ran some of the tests."""

import io
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock

from ..checks.violations import Violation, shorten
from ..contract import AnyJson, Contract
from ..exchanges import Exchange
from ..strategies import Strategies
from .connection import Connection
from .run import Run

#: What each process has of its own, and the name that stands for it in what is handed over.
_OWN: Mapping[type[object], str] = {
    Contract: "contract",
    Strategies: "strategies",
    Connection: "connection",
}
_LOCK = type(Lock())


class _Pickler(pickle.Pickler):
    """Leaves out what each process has of its own."""

    def persistent_id(self, obj: object) -> str | None:
        return "lock" if isinstance(obj, _LOCK) else _OWN.get(type(obj))


class _Unpickler(pickle.Unpickler):
    """Puts in what this process has."""

    def __init__(self, file: io.BytesIO, run: Run) -> None:
        super().__init__(file)
        self._own = {
            "contract": run.contract,
            "strategies": run.strategies,
            "connection": run.connection,
        }

    def persistent_load(self, pid: str) -> object:
        return self._own.get(pid) or Lock()


def learnt(run: Run) -> bytes:
    """What this process has learnt, for `merge` in another one of the same run."""
    file = io.BytesIO()
    # Without what is cached.
    _Pickler(file).dump(([replace(part) for part in _parts(run)], run.ids))
    return file.getvalue()


def merge(run: Run, other: bytes, *, same_target: bool = True) -> None:
    """Take over what another process of the run has learnt, of the same target or of its like."""
    parts, ids = _Unpickler(io.BytesIO(other), run).load()
    for ours, theirs in zip(_parts(run), parts, strict=True):
        ours.merge(theirs)
    if same_target:
        _compare(run, ids)


def _compare(run: Run, ids: Mapping[tuple[str, str], Exchange]) -> None:
    """Hold the ids that another process has met against those of all others."""
    handed_out = list(run.served.shown.values())
    for (requirement, name), exchange in ids.items():
        earlier = run.ids.setdefault((requirement, name), exchange)
        # What showed that a model is served is the same exchange in all processes.
        if earlier is not exchange and exchange not in handed_out:
            again = f"{shorten(name)} again"
            tests = (test for test, named in run.ledger.tests.items() if requirement in named)
            violation = Violation(requirement, "a new id", again, (earlier, exchange))
            run.ledger.record(next(tests, ""), violation)


def _parts(run: Run) -> Sequence[AnyJson]:
    """What takes over what others have learnt."""
    return run.ledger, run.coverage, run.probes, run.connection.reliability, run.served
