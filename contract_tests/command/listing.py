"""What the contract requires, and which tests try it: the command `rerank-contract list`."""

import importlib
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from inspect import signature
from pathlib import Path

import pytest

from .. import evidence
from ..contract import SCHEMAS, AnyJson, Contract, Requirement, Switch, revisions
from ..judging.limits import EFFORTS
from ..strategies import Strategies
from ..wording import counted
from .cases import CASES

#: The room, where the tests lie.
ROOM = Path(__file__).parents[1]
#: A switch that an observation of another revision does not have.
_UNSEEN: AnyJson = {"values": []}


@cache
def tests_by_requirement(contract: Contract) -> dict[str, list[str]]:
    """Requirement -> names of the tests that try it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(ROOM.glob("test_*.py")):
        module = importlib.import_module(f"..{path.stem}", __package__)
        for name, function in vars(module).items():
            if name.startswith("test_"):
                for requirement in sorted(set(_requirements(contract, function))):
                    found[requirement].append(f"{path.name}::{name}")
    return found


def _requirements(contract: Contract, test: Callable[..., object]) -> Iterator[str]:
    for mark in _marks(test):
        if mark.name == "requirement":
            yield from mark.args
        elif mark.name == "states":
            schema = f"{mark.args[0]}#"
            yield from (id_ for at, id_ in contract.stated_by.items() if at.startswith(schema))
    strategies, judged = Strategies(contract), contract.representatives()
    for name in CASES.keys() & set(signature(test).parameters):
        for case in CASES[name](strategies, judged, EFFORTS["thorough"]):
            yield from case.requirements


def _marks(test: Callable[..., object]) -> list[pytest.Mark]:
    marks: list[pytest.Mark] = getattr(test, "pytestmark", [])
    return marks


def listing(contract: Contract) -> Iterator[str]:
    """One line for each requirement."""
    width = max(map(len, contract.requirements))
    for requirement in contract.requirements.values():
        yield f"{requirement.id:{width}}  {requirement.level:8}  {requirement.sentence}"


def revision_listing() -> Iterator[str]:
    """One line for each shipped revision."""
    names = revisions()
    for name in names:
        yield f"{name}  (newest)" if name == names[-1] else name


def explanations(
    contract: Contract, names: Iterable[str], observed: AnyJson = None
) -> Iterator[str]:
    """Everything about requirements and switches; `observed` is what was seen of a target."""
    for number, name in enumerate(names):
        if number:
            yield ""
        if name in contract.requirements:
            yield from explanation(contract, contract.requirements[name], observed)
        else:
            yield from switch_explanation(contract.switches[name], observed)


def explanation(
    contract: Contract, requirement: Requirement, observed: AnyJson = None
) -> Iterator[str]:
    """Everything about one requirement."""
    source = requirement.source
    place = ", ".join(filter(None, (source["section"], source["field"])))
    meaning = {
        "spec": "published; a breach fails",
        "observed": "seen on the live service; a difference is reported, fails with --strict",
        "open": "not known; what the target does is reported and never fails",
    }
    yield requirement.id
    yield from textwrap.wrap(requirement.sentence, 96, initial_indent="  ", subsequent_indent="  ")
    yield f"  level   {requirement.level}: {meaning[requirement.level]}"
    yield f"  source  {source['kind']}: {place}"
    yield from _evidence(evidence.of_requirement(requirement.id, requirement.level))
    home = _home(contract)
    for pointer in requirement.applies_to:
        yield f"  schema  {home}/{pointer.replace('#', '.json#')}"
    for test in tests_by_requirement(contract).get(requirement.id, []):
        yield f"  test    {test}"
    for switch in contract.switches.values():
        if requirement.id in switch.requirements:
            yield f"  switch  {switch.name}: {switch.question}"
            yield from (f"          {value}" for value in switch.values)
            yield from _seen(switch.name, observed)


def switch_explanation(switch: Switch, observed: AnyJson = None) -> Iterator[str]:
    """Everything about one switch."""
    yield switch.name
    yield f"  {switch.question}"
    yield from (f"  value   {value}" for value in switch.values)
    if switch.shown_by:
        yield f"  shown   by {switch.shown_by}"
    yield from _evidence(evidence.of_switch(switch.name))
    yield from _seen(switch.name, observed)
    yield from (f"  of      {name}" for name in switch.requirements)


def _evidence(axes: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Each axis with its sentences, one line each."""
    yield from (f"  {axis:8}{sentence}" for axis, sentence in axes)


def _seen(switch: str, observed: AnyJson) -> Iterator[str]:
    """What an observation has seen of a switch."""
    seen: AnyJson = observed["observed"]["switches"].get(switch, _UNSEEN) if observed else _UNSEEN
    rows = {f"{row['value']}": row for row in seen["values"]}
    if "accepted" in seen and not rows:
        rows[f"at least {seen['accepted']['number']}"] = seen["accepted"]
    for value, row in rows.items():
        times, target = counted(row["times"], "answer"), observed["observed"]["target"]
        yield f"  seen    {row['last_seen'][:10]}: {value} ({times} of {target})"


def _home(contract: Contract) -> str:
    """The folder of the contract, from the checkout if it is in one."""
    if contract.folder.is_relative_to(SCHEMAS):
        return contract.folder.relative_to(SCHEMAS.parent).as_posix()
    return contract.folder.as_posix()
