"""What the contract demands, and which tests try it: the command ``rerank-contract list``."""

import importlib
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..contract import REQUIREMENTS, REVISION, SCHEMAS, Requirement, representatives
from ..strategies import faults

#: The room, where the tests lie.
ROOM = Path(__file__).parents[1]


def tests_by_requirement() -> dict[str, list[str]]:
    """Requirement -> names of the tests that try it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(ROOM.glob("test_*.py")):
        module = importlib.import_module(f"..{path.stem}", __package__)
        for name, function in vars(module).items():
            marks: list[pytest.Mark] = getattr(function, "pytestmark", [])
            for requirement in sorted(_requirements(marks)):
                found[requirement].append(f"{path.name}::{name}")
    return found


def _requirements(marks: list[pytest.Mark]) -> Iterator[str]:
    for mark in marks:
        if mark.name == "requirement":
            yield from mark.args
        elif mark.name == "faults":
            yield from {
                fault.requirement
                for model in representatives()
                for fault in faults(model)
                if fault.field == mark.args[0]
            }
        elif mark.name == "parametrize":
            for case in mark.args[1]:
                yield from _requirements(list(getattr(case, "marks", ())))


def listing() -> Iterator[str]:
    """One line for each requirement."""
    width = max(map(len, REQUIREMENTS))
    for requirement in REQUIREMENTS.values():
        yield f"{requirement.id:{width}}  {requirement.level:8}  {requirement.sentence}"


def explanation(requirement: Requirement) -> Iterator[str]:
    """Everything about one requirement."""
    source = requirement.source
    place = ", ".join(filter(None, (source["section"], source["field"])))
    meaning = {
        "spec": "published; a breach fails",
        "observed": "seen on the live service; a difference is reported, and fails with --strict",
        "open": "not known; what the target does is reported, and never fails",
    }
    yield requirement.id
    yield from textwrap.wrap(requirement.sentence, 96, initial_indent="  ", subsequent_indent="  ")
    yield f"  level   {requirement.level}: {meaning[requirement.level]}"
    yield f"  source  {source['kind']}: {place}"
    home = REVISION.relative_to(SCHEMAS.parent).as_posix()
    for pointer in requirement.applies_to:
        yield f"  schema  {home}/{pointer.replace('#', '.json#')}"
    for test in tests_by_requirement().get(requirement.id, []):
        yield f"  test    {test}"
