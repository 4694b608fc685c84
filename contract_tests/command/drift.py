"""What changed between two observations of a target, and whether it breaks clients."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import jsonschema

from ..contract import SCHEMAS, AnyJson
from ..files import complaint, read_json


class ObservationError(ValueError):
    """A file that is no observation; the message says why."""


@dataclass(frozen=True)
class BehaviourChange:
    """One point at which two observations differ."""

    switch: str
    #: What was seen before; None where nothing was.
    old: str | None
    #: What was seen later; None where nothing was.
    new: str | None
    #: Whether a request that was answered is refused now.
    breaks_clients: bool

    def __str__(self) -> str:
        effect = "breaks clients" if self.breaks_clients else "clients may see it"
        unknown = None in (self.old, self.new)
        return f"{self.switch}: {self.old or 'not seen'} -> {self.new or 'not seen'}" + (
            "" if unknown else f" ({effect})"
        )

    def to_json(self) -> AnyJson:
        """The change as JSON."""
        return asdict(self)


def read_observation(path: Path) -> AnyJson:
    """Read a file that `observe` has written. Raises `ObservationError`."""
    content = read_json(path, ObservationError)
    schema = json.loads((SCHEMAS / "files" / "observation.json").read_text("utf-8"))
    broken: AnyJson
    for broken in jsonschema.Draft202012Validator(schema).iter_errors(content):  # pyright: ignore[reportUnknownMemberType] - untyped overload
        raise ObservationError(f"{path} is no file of `observe`: {complaint(broken)}")
    return content["observed"]


def behaviour_changes(old: AnyJson, new: AnyJson) -> Iterator[BehaviourChange]:
    """Every switch that one observation shows otherwise than the other, in the order of `new`."""
    nothing: AnyJson = {"values": [], "unlike": None}
    for name in dict.fromkeys((*new["switches"], *old["switches"])):
        before, after = (seen["switches"].get(name, nothing) for seen in (old, new))
        shown = _shown(before), _shown(after)
        if shown[0] != shown[1]:
            worst = max(_statuses(after), default=0)
            was_fine = bool(_statuses(before)) and max(_statuses(before)) < 400
            yield BehaviourChange(name, *shown, was_fine and worst >= 400)


def _shown(row: AnyJson) -> str | None:
    values = [value["value"] for value in row["values"]]
    if row["unlike"]:
        values.append(row["unlike"]["answer"])
    return " or ".join(sorted(values)) or None


def _statuses(row: AnyJson) -> list[int]:
    sightings = [*row["values"], *([row["unlike"]] if row["unlike"] else [])]
    return [sighting["status"] for sighting in sightings]
