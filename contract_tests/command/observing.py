"""What a run of `rerank-contract observe` has seen, in lines."""

import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TextIO

import pytest

from ..contract import AnyJson
from ..evidence import last_recording
from ..wording import counted


class Planned:
    """A plugin of pytest that prints the plan, where all else of the run is not printed."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    @pytest.hookimpl(wrapper=True)
    def pytest_report_collectionfinish(self) -> Generator[None, list[list[str]], list[list[str]]]:
        """Print it before anything is sent."""
        parts = yield
        print("\n".join(line for lines in parts for line in lines), file=self._output, flush=True)
        return parts


def observation(report: Path, behaviour: Path) -> list[str]:
    """Return lines about what was seen; none where nothing was, or the run did not get so far."""
    if not (report.exists() and behaviour.exists()):
        return []
    ran, observed = _json(report), _json(behaviour)["observed"]
    switches = observed["switches"]
    answered = _answered(switches)
    if not answered:
        return []
    spent = f"{counted(ran['requests_sent'], 'request')}, {ran['tokens']} tokens, {ran['cost']} CNY"
    return [
        f"{observed['target']} by revision {observed['revision']}: {spent}",
        *(
            f"  {name}: {', '.join(_answers(row))}{_since(name, row)}"
            for name, row in answered.items()
        ),
        "not seen, and what would show it:",
        *(
            f"  {name}: {row['shown_by']}"
            for name, row in switches.items()
            if row["shown_by"] and name not in answered
        ),
    ]


def untried(report: Path, behaviour: Path) -> list[str]:
    """Return lines about switches whose probe was never answered, and why; none where all were."""
    switches = _json(behaviour)["observed"]["switches"]
    missing = [
        name for name in switches.keys() - _answered(switches) if not switches[name]["shown_by"]
    ]
    if not missing:
        return []
    reasons = {row["reason"] for row in _json(report)["requirements"] if row["reason"]}
    why = f" ({'; '.join(sorted(reasons))})" if reasons else ""
    return [
        f"not tried, {len(missing)} of {counted(len(switches), 'switch', 'switches')}{why}:",
        f"  {', '.join(sorted(missing))}",
    ]


def sees_less(behaviour: Path, older: Path) -> str:
    """Why an older file is not replaced by one that has seen less; empty where it is."""
    try:
        before = len(_answered(_json(older)["observed"]["switches"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    now = len(_answered(_json(behaviour)["observed"]["switches"]))
    many = counted(before, "switch", "switches")
    return f"the older file is kept: {many} were seen there, and {now} now" if before > now else ""


def _answered(switches: AnyJson) -> dict[str, AnyJson]:
    """The switches of which something was seen."""
    return {
        name: row
        for name, row in switches.items()
        if row["values"] or row["unlike"] or "accepted" in row
    }


def _since(name: str, row: AnyJson) -> str:
    """Whether it is what was last seen of the live service, as the end of a line."""
    recording = last_recording(name)
    if recording is None:
        return ""
    values = [value["value"] for value in row["values"]]
    if values == [recording.value] and not row["unlike"]:
        return f", as last seen {recording.last_seen}"
    return f"; last seen {recording.last_seen}: {recording.value}"


def _answers(row: AnyJson) -> Iterator[str]:
    """Yield each value, and how often it was seen if not all answers show the same."""
    values, unlike = row["values"], row["unlike"]
    if "accepted" in row and not values:
        yield f"at least {row['accepted']['number']}"
    is_steady = len(values) == 1 and not unlike
    for value in values:
        yield f"{value['value']}" if is_steady else f"{value['value']} ({_times(value)})"
    if unlike:
        yield f"none of the values ({_times(unlike)}): {unlike['answer']}"


def _times(sighting: AnyJson) -> str:
    return counted(sighting["times"], "answer")


def _json(path: Path) -> AnyJson:
    return json.loads(path.read_bytes())
