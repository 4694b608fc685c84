"""What speaks for a requirement or a switch: several axes, each by itself and never added up.

They are the page, recordings of the live service, published clients, mutants, gateways and a second
server.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from .contract import SCHEMAS, AnyJson
from .wording import counted


@dataclass(frozen=True)
class Recording:
    """What was seen of the live service, and when."""

    #: Ids of requirements and names of switches.
    about: tuple[str, ...]
    #: `recorded` or `inferred`, as in the source of a requirement.
    kind: str
    #: A year or a month, or `by` one.
    last_seen: str
    #: The value of its switches; None where it is about none.
    value: str | None
    seen: str


@cache
def recordings() -> tuple[Recording, ...]:
    """All of them; of those about the same, the newest last."""
    return tuple(
        Recording(tuple(row["about"]), row["kind"], row["last_seen"], row["value"], row["seen"])
        for row in _read("recordings")
    )


def last_recording(switch: str) -> Recording | None:
    """The newest recording of a switch; None where there is none."""
    found = [recording for recording in recordings() if switch in recording.about]
    return found[-1] if found else None


def of_requirement(name: str, level: str) -> Iterator[tuple[str, str]]:
    """What speaks for a requirement, as axis and sentence; nothing for one that is not known."""
    row = _evidence()["requirements"].get(name)
    for statement in row["page"] if row else ():
        place = ", ".join(filter(None, (statement["section"], statement["field"])))
        yield "page", f"{place}: {statement['statement']}"
    yield from _recorded(name)
    if row is None:
        return
    yield from _clients(row["clients"])
    for mutant in row["mutants"]:
        yield "mutant", f"{mutant['name']}: found at request {mutant['request']}"
    if level != "open":
        yield "servers", _gateways(row)
        yield "servers", _second_server(row["second_server"])


def of_switch(name: str) -> Iterator[tuple[str, str]]:
    """What speaks for the values of a switch, as axis and sentence."""
    yield from _recorded(name)
    row = _evidence()["switches"].get(name)
    yield from _clients(row["clients"] if row else ())


def _recorded(name: str) -> Iterator[tuple[str, str]]:
    for recording in recordings():
        if name in recording.about:
            yield "service", f"{recording.kind}, last seen {recording.last_seen}: {recording.seen}"


def _clients(rows: Sequence[AnyJson]) -> Iterator[tuple[str, str]]:
    for row in rows:
        fail, cope = (", ".join(row[word]) or "none" for word in ("fail", "cope"))
        yield "clients", f"{row['scenario']}: fail {fail}; cope {cope}"


def _gateways(row: AnyJson) -> str:
    broken, untried, all_ = row["broken_by"], row["untried_by"], len(_evidence()["gateways"])
    if len(untried) == all_:
        return "not tried with gateways"
    kept = all_ - len({*broken, *untried})
    parts = [f"{kept} of {counted(all_, 'gateway')} in front of a conforming server keep it"]
    if broken:
        parts.append(f"broken by {', '.join(broken)}")
    if untried:
        parts.append(f"not tried with {', '.join(untried)}")
    return "; ".join(parts)


def _second_server(row: AnyJson) -> str:
    says = {"kept": "keeps it", "broken": "breaks it", "untried": "was not tried"}[row["outcome"]]
    faults = row["broken_with"]
    with_faults = f"; with a fault it breaks it: {', '.join(faults)}" if faults else ""
    return f"a second server, written from the page alone, {says}{with_faults}"


@cache
def _evidence() -> AnyJson:
    return _read("evidence")


def _read(name: str) -> AnyJson:
    return json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
