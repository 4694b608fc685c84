"""With pytest-xdist each worker judges its share; the controller puts the verdict together."""

from collections.abc import Iterable

import pytest

from ..contract import AnyJson
from ..judging.outcomes import Outcome
from ..report.model import TITLE
from .outputs import files

SHARES = pytest.StashKey[set[Outcome]]()
#: Options that only one process can keep, and those that write files.
_ALONE = (
    "max_requests",
    "max_tokens",
    "max_cost",
    "max_rpm",
    "github",
    "har",
    "baseline",
    "write_baseline",
)


def problem(config: pytest.Config) -> str | None:
    """What the options ask for that several processes cannot do; None where there is nothing."""
    is_controller = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    alone = any(config.getoption(name) for name in _ALONE) or files(config.option)
    if is_controller and alone:
        return "limits and reports need a single process: leave out -n, or these options"
    return None


def hand_over(config: pytest.Config, outcomes: Iterable[Outcome]) -> None:
    """Give the controller what has been found out; in any other process do nothing."""
    output: AnyJson = getattr(config, "workeroutput", {})
    output[TITLE] = [outcome.value for outcome in outcomes]


def take_over(config: pytest.Config, node: AnyJson) -> None:
    """Take what a worker has found out; one that crashed has nothing to give."""
    output: AnyJson = getattr(node, "workeroutput", {})
    config.stash.setdefault(SHARES, set()).update(map(Outcome, output.get(TITLE, ())))


def shares(config: pytest.Config) -> set[Outcome]:
    """What all workers together have found out; empty where there are none."""
    return config.stash.setdefault(SHARES, set())
