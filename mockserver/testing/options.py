"""The options of a test's mock: the ini options, and the markers over them."""

from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from ..contract import Contract, ContractError, load_contract
from ..scenarios.hostile import Hostile, HostileError, read_hostile
from ..state.recordings import (
    RecordingError,
    Recordings,
    Unrecorded,
    load_recordings,
    read_unrecorded,
)
from ..validation import likely
from .expectations import (
    ExpectationError,
    Expectations,
    check_base_url,
    check_passthrough,
    read_seed,
)

#: The markers; both serve both fixtures.
MARKERS = ("rerank_mock", "rerank_server")

_OF_EXPECTATIONS = ("fail_on", "allow", "assert_all_met", "assert_called")
_OWN = ("hostile", "seed", "revision", "replay", "unrecorded", "base_url", "passthrough")
NAMES = (*_OF_EXPECTATIONS, *_OWN)


class Service(NamedTuple):
    """What a mock is started with; tests with equal ones share a server."""

    contract: Contract
    hostile: frozenset[Hostile]
    seed: int
    recordings: Recordings | None
    unrecorded: Unrecorded


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a test."""

    expectations: Expectations = field(default_factory=Expectations)
    contract: Contract = field(default_factory=load_contract)
    hostile: frozenset[Hostile] = frozenset()
    seed: int = 0
    #: The file that is replayed.
    replay: str | Path | None = None
    unrecorded: Unrecorded = "refuse"
    #: Where `rerank_mock` answers; None means the hosts of the service.
    base_url: str | None = None
    #: Hosts that httpx may reach besides.
    passthrough: str | Collection[str] = ()

    @property
    def service(self) -> Service:
        """What a mock is started with."""
        recordings = None if self.replay is None else load_recordings(self.replay, self.contract)
        return Service(self.contract, self.hostile, self.seed, recordings, self.unrecorded)

    def changed(self, given: Mapping[str, Any]) -> "Options":
        """Return the options with these changed.

        Raises `ExpectationError`, `HostileError` or `RecordingError`.
        """
        for name in given:
            if name not in NAMES:
                hint = likely(name, [*NAMES]) or f"; there are {', '.join(NAMES)}"
                raise ExpectationError(f"unknown option {name!r}{hint}")
        own = {name: value for name, value in given.items() if name in _OWN}
        rest = {name: value for name, value in given.items() if name not in _OWN}
        if "revision" in own:
            own["contract"] = _contract(own.pop("revision"))
        if "hostile" in own:
            own["hostile"] = read_hostile(own["hostile"])
        if "seed" in own:
            own["seed"] = read_seed(own["seed"])
        if "unrecorded" in own:
            own["unrecorded"] = read_unrecorded(own["unrecorded"])
        if own.get("base_url") is not None:
            check_base_url(own["base_url"])
        if "passthrough" in own:
            check_passthrough(own["passthrough"])
        changed = replace(self, expectations=self.expectations.changed(rest), **own)
        if changed.replay is not None:
            load_recordings(changed.replay, changed.contract)
        return changed


def read_options(node: pytest.Item) -> Options:
    """Return the ini options, overridden by the markers; the closest marker wins.

    Raises `ValueError` with a message that names the option.
    """
    options = Options()
    for where, given in _given(node):
        with _at(where):
            options = options.changed(given)
    return options


@contextmanager
def _at(where: str) -> Generator[None]:
    try:
        yield
    except (ExpectationError, HostileError, RecordingError) as error:
        # From None, so that the message is printed once.
        raise ValueError(f"{where}{error}") from None


def _given(node: pytest.Item) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in NAMES:
        try:
            value = node.config.getini(f"rerank_mock_{name}")
        except (ValueError, pytest.UsageError):
            raise ValueError(f"ini option rerank_mock_{name} must be true or false") from None
        if isinstance(value, list):
            words = cast("list[str]", value)
            value = [part for word in words for part in word.split(",") if part]
        # An option that is not set is an empty text.
        if value != "":
            # Each message begins with the name of the option.
            yield "ini option rerank_mock_", {name: value}
    marks = [mark for mark in node.iter_markers() if mark.name in MARKERS]
    for mark in reversed(marks):
        where = f"@pytest.mark.{mark.name}: "
        if mark.args:
            raise ValueError(f"{where}takes keyword arguments only: {', '.join(NAMES)}")
        yield where, dict(mark.kwargs)


def _contract(revision: object) -> Contract:
    if not isinstance(revision, (str, Path, type(None))):
        raise ExpectationError(f"revision is a name or a folder, not {revision!r}")
    try:
        return load_contract(revision)
    except ContractError as error:
        raise ExpectationError(f"revision {error}") from None
