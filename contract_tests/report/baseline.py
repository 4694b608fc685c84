"""The baseline of a target: what is known not to hold, why, and until when that is put up with."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from pathlib import Path

import jsonschema
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY, SchemaRegistry

from ..contract import SCHEMAS, AnyJson, Contract
from ..files import complaint, read_json
from ..judging.outcomes import Outcome
from ..wording import brief, hint

VERSION = 1
#: How long a new entry is valid.
VALID = timedelta(days=90)


class BaselineError(ValueError):
    """A baseline that cannot be read; the message says what is wrong and what to try."""


class State(str, Enum):
    """What became of a deviation in a run."""

    #: It is there as expected.
    KNOWN = "known"
    #: The requirement holds now.
    STALE = "stale"
    #: Its day has passed.
    EXPIRED = "expired"
    #: The run could not show it.
    UNTRIED = "untried"


@dataclass(frozen=True)
class Deviation:
    """One entry of a baseline."""

    #: Id of the requirement.
    requirement: str
    reason: str
    #: The last day on which it is put up with.
    expires: date

    def state(self, outcome: Outcome, *, is_hindered: bool, today: date) -> State:
        """What became of it, by the outcome of its requirement."""
        if outcome is Outcome.PASSED:
            return State.STALE
        if today > self.expires:
            return State.EXPIRED
        if outcome in (Outcome.FAILED, Outcome.DIFFERS) or is_hindered:
            return State.KNOWN
        return State.UNTRIED

    def to_json(self) -> dict[str, str]:
        """The entry as it stands in a file."""
        return {
            "requirement": self.requirement,
            "reason": self.reason,
            "expires": self.expires.isoformat(),
        }


def load_baseline(path: Path, contract: Contract) -> tuple[Deviation, ...]:
    """The entries of a file. Raises `BaselineError`."""
    content = read_json(path, BaselineError)
    for problem in _problems(content, contract):
        raise BaselineError(f"{path}: {problem}; --write-baseline writes a file of the right form")
    return tuple(
        Deviation(entry["requirement"], entry["reason"], date.fromisoformat(entry["expires"]))
        for entry in content["deviations"]
    )


def to_text(deviations: Iterable[Deviation]) -> str:
    """The file with those entries."""
    entries = [deviation.to_json() for deviation in deviations]
    content = {"version": VERSION, "deviations": entries}
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _problems(content: AnyJson, contract: Contract) -> Iterator[str]:
    error: AnyJson
    for error in _validator().iter_errors(content):  # pyright: ignore[reportUnknownMemberType] - untyped overload
        yield complaint(error)
        return
    seen: set[str] = set()
    for number, entry in enumerate(content["deviations"]):
        place, name = f"deviations[{number}]", entry["requirement"]
        if name not in contract.requirements:
            meant = hint(name, contract.requirements)
            yield f"{place}.requirement: no requirement is called {brief(name)}{meant}"
        if name in seen:
            yield f"{place}.requirement: {brief(name)} has an entry already"
        seen.add(name)
        try:
            date.fromisoformat(entry["expires"])
        except ValueError:
            yield f"{place}.expires: {brief(entry['expires'])} is not a day of the calendar"


def _validator() -> jsonschema.Draft202012Validator:
    schemas = [
        json.loads((SCHEMAS / "files" / f"{name}.json").read_text("utf-8"))
        for name in ("baseline", "requirements")
    ]
    registry: SchemaRegistry = EMPTY_REGISTRY.with_resources(
        (schema["$id"], DRAFT202012.create_resource(schema)) for schema in schemas
    )
    return jsonschema.Draft202012Validator(schemas[0], registry=registry)
