"""`python -m benchmarks`: measures the mock, prints a Markdown table, keeps it with `--write`.

With `--kills` it measures the judge, with `--load` what one client's requests cost another, with
`--peers` the mock and the judge beside other tools, with `--memory` what many requests leave in it,
with `--sharing` what a shared state costs, and with `--plots` it draws what the cost depends on.
"""

import argparse
import itertools
import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .dependence import SERIES
from .in_process import engine, fixture, long_texts, set_up
from .judges import judges
from .kills import find_mutants
from .load import HEAD as LOAD_HEAD
from .load import load
from .measuring import Comparison, Figure, compare, rounded
from .memory import HEAD as MEMORY_HEAD
from .memory import memory
from .peers import peers
from .plots import Panel, Point, drawn
from .served import crowds, servers
from .sharing import HEAD as SHARING_HEAD
from .sharing import sharing
from .starting import starts

README = Path(__file__).with_name("README.md")
SCALING = Path(__file__).parents[1] / "docs" / "scaling.md"
PICTURE = README.with_name("plots") / "dependence.svg"

MARKERS = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)
LOAD = re.compile(r"(?<=<!-- load -->\n).*?(?=<!-- end of load -->)", re.DOTALL)
SHARING = re.compile(r"(?<=<!-- sharing -->\n).*?(?=<!-- end of sharing -->)", re.DOTALL)
PEERS = re.compile(r"(?<=<!-- peers -->\n).*?(?=<!-- end of peers -->)", re.DOTALL)
MEMORY = re.compile(r"(?<=<!-- memory -->\n).*?(?=<!-- end of memory -->)", re.DOTALL)
KILLS = re.compile(r"(?<=<!-- kills -->\n).*?(?=<!-- end of kills -->)", re.DOTALL)

#: Below the legend of the plots, before the name of the machine.
NOTES = (
    "Marks: medians of the rounds; bars: quartiles.",
    "The bare work is to parse the same request and",
    "print its answer; of connections, to answer as",
    "many bytes whatever comes.",
)

HEAD = """\
| subject | baseline | request | subject | baseline | ratio | half of the rounds | goal |
|---|---|---|--:|--:|--:|--:|--:|"""


def row(comparison: Comparison, figure: Figure) -> str:
    """Print one line of the table; times are per request."""
    cells = [
        comparison.subject_name,
        comparison.baseline_name,
        comparison.request,
        f"{rounded(figure.subject * 1e6)} µs",
        f"{rounded(figure.baseline * 1e6)} µs",
        f"**{rounded(figure.ratio)}**",
        " to ".join(map(rounded, figure.spread)),
        "" if comparison.goal is None else f"≤ {comparison.goal:.3g}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure everything, and print each line of the table as soon as it stands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--kills", action="store_true", help="let the judge find every mutant")
    parser.add_argument("--write", action="store_true", help="keep the table, or the picture")
    parser.add_argument("--load", action="store_true", help="send the worst of requests")
    parser.add_argument("--sharing", action="store_true", help=f"measure workers: {SCALING.name}")
    parser.add_argument("--peers", action="store_true", help="compare with other mocks and judges")
    parser.add_argument("--plots", action="store_true", help=f"draw: {PICTURE.name}")
    parser.add_argument(
        "--memory",
        type=int,
        nargs="?",
        const=500_000,
        metavar="REQUESTS",
        help="send so many requests, and watch the memory (default: %(const)s)",
    )
    options = parser.parse_args()
    if options.plots:
        picture = plotted()
        if options.write:
            PICTURE.write_text(picture, encoding="utf-8")
        return
    file = README
    if options.kills:
        lines, place = find_mutants(), KILLS
    elif options.load:
        lines, place = printed(LOAD_HEAD, load()), LOAD
    elif options.sharing:
        lines, place, file = printed(SHARING_HEAD, sharing()), SHARING, SCALING
    elif options.memory:
        lines, place = printed(MEMORY_HEAD, memory(options.memory)), MEMORY
    elif options.peers:
        lines, place = compared(peers, judges), PEERS
    else:
        lines = compared(engine, long_texts, fixture, set_up, starts, servers, crowds)
        place = MARKERS
    if options.write:
        table = "\n".join(["", *lines, "", ""])
        text = file.read_text(encoding="utf-8")
        file.write_text(place.sub(lambda _: table, text), encoding="utf-8")


def compared(*benchmarks: Callable[[], Iterator[Comparison]]) -> list[str]:
    """Compare the mock with its baselines; return the table."""
    head = f"{machine()}\n\n{HEAD}"
    comparisons = itertools.chain.from_iterable(benchmark() for benchmark in benchmarks)
    return printed(head, (row(each, compare(each, each.rounds)) for each in comparisons))


def plotted() -> str:
    """Compare the mock with its baselines, and print each line; return the plots."""
    print(HEAD)
    panels: list[Panel] = []
    for labels, steps in SERIES.items():
        mock, bare = list[Point](), list[Point]()
        for step in steps():
            for line, comparison in ((mock, step.mock), (bare, step.bare)):
                figure = compare(comparison, comparison.rounds)
                print(row(comparison, figure), flush=True)
                line.append(Point(step.value, figure))
        panels.append(Panel(labels, {"the mock": mock, "the bare work": bare}))
    return drawn("What the cost of a request depends on", panels, [*NOTES, "", machine()])


def machine() -> str:
    """Return what runs the benchmarks."""
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{platform.python_implementation()} {platform.python_version()}, {system}."


def printed(head: str, rows: Iterable[str]) -> list[str]:
    """Print each line of a table as soon as it stands; return them all."""
    lines = list[str]()
    for line in itertools.chain([head], rows):
        print(line, flush=True)
        lines.append(line)
    return lines


if __name__ == "__main__":
    main()
