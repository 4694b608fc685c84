"""A comparison as text, as JSON and as Markdown."""

from collections.abc import Callable, Iterator, Mapping

from ..checks.violations import printable
from ..contract import AnyJson
from ..report.json_report import to_text
from ..report.markdown import escape
from .model import Change, Comparison

VERSION = 1


def text(comparison: Comparison) -> str:
    """A line for each change, worst first, and how many there are."""
    return "\n".join(map(printable, _lines(comparison)))


def json(comparison: Comparison) -> str:
    """The comparison as `schemas/files/difference.json` describes it."""
    content: AnyJson = {
        "version": VERSION,
        "kind": comparison.kind.value,
        "old": comparison.old,
        "new": comparison.new,
        "compared": comparison.compared,
        "breaks_clients": comparison.breaks_clients,
        "changes": [_change(change) for change in comparison.changes],
        "uncompared": [
            {"because": reason, "count": left.count, "names": left.names}
            for reason, left in comparison.uncompared.items()
        ],
        "notes": list(comparison.notes),
    }
    return to_text(content).rstrip("\n")


def markdown(comparison: Comparison) -> str:
    """A table of the changes, for the summary of a CI job."""
    return "\n".join(_markdown(comparison))


#: Name of the form -> what writes it.
WRITERS: Mapping[str, Callable[[Comparison], str]] = {
    "text": text,
    "json": json,
    "markdown": markdown,
}


def _change(change: Change) -> AnyJson:
    return {
        "place": change.place,
        "old": change.old,
        "new": change.new,
        "effect": change.effect.value,
        "note": change.note or None,
    }


def _lines(comparison: Comparison) -> Iterator[str]:
    for change in comparison.changes:
        old, new = change.values
        yield f"{change.place}: {old} -> {new} ({change.effect.words})"
        if change.note:
            yield f"  {change.note}"
    for reason, left in comparison.uncompared.items():
        yield f"not compared, {reason}: {left.in_short}"
    yield from (f"note: {note}" for note in comparison.notes)
    yield comparison.summary


def _markdown(comparison: Comparison) -> Iterator[str]:
    yield f"## {comparison.summary[0].upper()}{comparison.summary[1:]}"
    yield ""
    yield f"From {escape(comparison.old)} to {escape(comparison.new)}."
    if comparison.changes:
        yield ""
        yield "| what | before | now | effect | |"
        yield "|---|---|---|---|---|"
    for change in comparison.changes:
        cells = (change.place, *change.values, change.effect.words, change.note)
        yield f"| {' | '.join(map(escape, cells))} |"
    if comparison.uncompared or comparison.notes:
        yield ""
    for reason, left in comparison.uncompared.items():
        yield f"- not compared, {escape(reason)}: {escape(left.in_short)}"
    yield from (f"- {escape(note)}" for note in comparison.notes)
