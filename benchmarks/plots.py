"""Draws panels of lines as one SVG: what was measured in, text out.

The background is white, so that it is read on a dark page, too: a picture within a page does not
know the colours of that.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain
from typing import NamedTuple

from .measuring import Figure, rounded

COLUMNS = 2
#: Pixels of a panel, and of the edges around its axes: left, right, top and bottom.
WIDTH, HEIGHT = 360, 250
LEFT, RIGHT, TOP, BOTTOM = 54, 22, 52, 46
#: From an axis to the nearest mark.
MARGIN = 8

#: The lines differ in their marks, too, for those who do not see colours.
STYLES = (
    ("#0b5cad", '<circle r="3.5" fill="#0b5cad"/>'),
    ("#8a5a00", '<rect x="-3" y="-3" width="6" height="6" fill="white" stroke="#8a5a00"/>'),
)

HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="#1f2328">
<title>{title}</title>
<rect width="100%" height="100%" rx="6" fill="white"/>
"""


class Point(NamedTuple):
    """A value of what is varied, and what it cost."""

    value: int
    figure: Figure


@dataclass(frozen=True, slots=True)
class Labels:
    """What stands around a plot."""

    title: str
    #: What the values count, and what the costs are multiples of.
    values: str
    cost: str
    is_linear: bool = False


class Panel(NamedTuple):
    """A plot: its labels, and its lines by name; all lines have the same values."""

    labels: Labels
    lines: Mapping[str, Sequence[Point]]


class Axis(NamedTuple):
    """Where numbers stand between two places."""

    low: float
    high: float
    begin: float
    end: float
    is_linear: bool = False

    def place(self, number: float) -> float:
        """Return the place of a number."""
        low, high, at = self.low, self.high, number
        if not self.is_linear:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return round(self.begin + (at - low) / (high - low) * (self.end - self.begin), 1)


def drawn(title: str, panels: Sequence[Panel], notes: Sequence[str]) -> str:
    """Return the panels as SVG, and a legend with notes in the place after the last."""
    rows = len(panels) // COLUMNS + 1
    parts = [HEAD.format(width=WIDTH * COLUMNS, height=HEIGHT * rows, title=escape(title))]
    # Panels whose costs are multiples of the same have the same axis.
    costs: dict[str, list[float]] = {}
    for labels, lines in panels:
        spreads = (point.figure.spread for line in lines.values() for point in line)
        costs.setdefault(labels.cost, []).extend(chain.from_iterable(spreads))
    drawings = [draw(panel, ticks(costs[panel.labels.cost])) for panel in panels]
    for place, drawing in enumerate([*drawings, legend(panels[0].lines, notes)]):
        x, y = place % COLUMNS * WIDTH, place // COLUMNS * HEIGHT
        parts += [f'<g transform="translate({x} {y})">\n', *drawing, "</g>\n"]
    return "".join([*parts, "</svg>\n"])


def ticks(numbers: Sequence[float]) -> list[float]:
    """Return the round numbers of a logarithmic axis: powers of ten, or 1, 2 and 5 of few."""
    low, high = min(numbers), max(numbers)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if last - first > 2:
        return [10.0**power for power in range(first, last + 1)]
    fine = [step * 10.0**power for power in range(first, last + 1) for step in (1, 2, 5)]
    begin = max(tick for tick in fine if tick <= low)
    end = min(tick for tick in fine if tick >= high)
    return [tick for tick in fine if begin <= tick <= end]


def draw(panel: Panel, costs: Sequence[float]) -> Iterator[str]:
    """Yield the elements of a panel, whose axis of costs has these ticks."""
    labels, lines = panel
    values = [point.value for point in next(iter(lines.values()))]
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    across = Axis(values[0], values[-1], LEFT + MARGIN, right - MARGIN, labels.is_linear)
    up = Axis(costs[0], costs[-1], bottom, TOP)
    yield text(LEFT, 22, labels.title, weight="bold", size=14)
    yield text(LEFT, 40, labels.cost)
    for cost in costs:
        y = up.place(cost)
        yield f'<path d="M{LEFT} {y}H{right}" stroke="#d8dee4"/>\n'
        yield text(LEFT - 6, y + 4, f"{cost:,g}", anchor="end", size=11)
    yield f'<path d="M{LEFT} {bottom}H{right}" stroke="#1f2328"/>\n'
    for value in values:
        x = across.place(value)
        yield f'<path d="M{x} {bottom}v4" stroke="#1f2328"/>\n'
        yield text(x, bottom + 17, f"{value:,}", anchor="middle", size=11)
    yield text((LEFT + right) / 2, HEIGHT - 10, labels.values, anchor="middle")
    for (colour, mark), (name, line) in zip(STYLES, lines.items(), strict=True):
        places = [(across.place(value), up.place(figure.ratio)) for value, figure in line]
        way = "L".join(f"{x} {y}" for x, y in places)
        yield f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="1.5"/>\n'
        for (x, y), (value, figure) in zip(places, line, strict=True):
            first, third = map(up.place, figure.spread)
            yield f'<path d="M{x} {first}V{third}" stroke="{colour}" stroke-width="3"/>\n'
            said = f"{name}, {value:,} {labels.values}: {rounded(figure.ratio)}"
            yield f'<g transform="translate({x} {y})"><title>{escape(said)}</title>{mark}</g>\n'


def legend(names: Iterable[str], notes: Sequence[str]) -> Iterator[str]:
    """Yield what the marks mean, and the notes below that."""
    y = 40
    for (colour, mark), name in zip(STYLES, names, strict=True):
        yield f'<path d="M{LEFT} {y - 4}h24" stroke="{colour}" stroke-width="1.5"/>\n'
        yield f'<g transform="translate({LEFT + 12} {y - 4})">{mark}</g>\n'
        yield text(LEFT + 34, y, name, weight="bold")
        y += 20
    for note in notes:
        y += 18
        yield text(LEFT, y, note)


def text(
    x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal", size: int = 12
) -> str:
    """Return a line of text."""
    style = f'text-anchor="{anchor}" font-weight="{weight}" font-size="{size}"'
    return f'<text x="{x:g}" y="{y:g}" {style}>{escape(words)}</text>\n'
