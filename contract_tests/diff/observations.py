"""What changed between two observations of a target."""

import math
from collections.abc import Iterator

from ..contract import AnyJson
from .model import Change, Comparison, Effect, Kind, Uncompared, worst_first

#: What the mock alone has, so that no client of a service can rely on it.
_OF_THE_MOCK = frozenset({"advice_header", "magic_inputs"})


def compare(names: tuple[str, str], old: AnyJson, new: AnyJson) -> Comparison:
    """Compare two files of `observe`: every switch that was seen in both, in the order of `new`."""
    uncompared: dict[str, Uncompared] = {}
    changes: list[Change] = []
    compared = 0
    before, after = old["observed"]["switches"], new["observed"]["switches"]
    for name in dict.fromkeys((*after, *before)):
        seen = [_shown(rows.get(name)) for rows in (before, after)]
        if all(seen):
            compared += 1
            changes += _change(name, before[name], after[name])
        elif any(seen):
            reason = f"not seen in {names[0] if seen[1] else names[1]}"
            uncompared.setdefault(reason, Uncompared()).add(name)
    return Comparison(Kind.OBSERVATIONS, *names, compared, worst_first(changes), uncompared)


def _change(name: str, before: AnyJson, after: AnyJson) -> Iterator[Change]:
    if "accepted" in before and "accepted" in after:
        old, new = _limits(before), _limits(after)
        # What was not tried further may be the same.
        differs = old[1] < new[0] or new[1] < old[0]
        breaks = new[1] < old[0]
    else:
        differs = _shown(before) != _shown(after)
        was_answered = max(_statuses(before)) < 400
        breaks = was_answered and max(_statuses(after)) >= 400
    if differs:
        effect = Effect.BREAKS_CLIENTS if breaks else Effect.VISIBLE
        if name in _OF_THE_MOCK:
            effect = Effect.HARMLESS
        yield Change(name, _shown(before), _shown(after), effect)


def _shown(row: AnyJson) -> str:
    """What was seen; empty where nothing was."""
    if row and "accepted" in row and not row["values"]:
        return f"at least {row['accepted']['number']}"
    return " or ".join(sorted(_answer(sighting) for sighting in _sightings(row)))


def _answer(sighting: AnyJson) -> str:
    # An answer that shows none of the values is known by its status: its body may have ids.
    return str(sighting.get("value") or f"another answer with status {sighting['status']}")


def _limits(row: AnyJson) -> tuple[int, float]:
    """The least and the most that the limit can be, of a switch that is a number."""
    least: int = row["accepted"]["number"]
    return least, least if row["values"] else math.inf


def _statuses(row: AnyJson) -> list[int]:
    return [sighting["status"] for sighting in _sightings(row)]


def _sightings(row: AnyJson) -> list[AnyJson]:
    if row is None:
        return []
    return [*row["values"], *([row["unlike"]] if row["unlike"] else [])]
