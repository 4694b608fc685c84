"""The share of generated mutants that the judge finds, by operator, and those that survive."""

import contextlib
import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..contract import AnyJson
from .sampling import Counted
from .selftest import RunSuite

#: The share that is found, at least, where the selftest is to succeed.
LEAST = 0.95


@dataclass(frozen=True)
class Attempt:
    """What the judge made of one generated mutant."""

    mutant: Counted
    #: Requirements that fail; the mutant survives where there are none.
    failed: tuple[str, ...]
    #: Requirements that are reported as a difference.
    differing: tuple[str, ...]
    requests: int

    @property
    def line(self) -> str:
        """One line about it."""
        if self.failed:
            return f"found    {self.mutant.name}: {self.failed[0]}, request {self.requests}"
        differing = f"; differs: {', '.join(self.differing)}" if self.differing else ""
        return f"SURVIVED {self.mutant.name}: {self.mutant.breach}{differing}"


def attempts(
    check: RunSuite, arguments: Sequence[str], mutants: Sequence[Counted], jobs: int
) -> Iterator[Attempt]:
    """Judge each mutant, so many at a time; `check` is called in other processes."""
    with ProcessPoolExecutor(jobs) as processes:
        yield from processes.map(partial(attempted, check, tuple(arguments)), mutants)


def attempted(check: RunSuite, arguments: Sequence[str], mutant: Counted) -> Attempt:
    """Judge one mutant."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = Path(folder) / "report.json"
        check([*arguments, f"--mutant={mutant.name}"], path)
        return _read(mutant, json.loads(path.read_text("utf-8")))


def _read(mutant: Counted, report: AnyJson) -> Attempt:
    rows = [(row["id"], row["outcome"]) for row in report["requirements"]]
    failed = tuple(name for name, outcome in rows if outcome == "failed")
    differing = tuple(name for name, outcome in rows if outcome == "differs")
    return Attempt(mutant, failed, differing, report["requests_sent"])


def share(tried: Sequence[Attempt]) -> float:
    """The share of mutants that were found."""
    return sum(bool(one.failed) for one in tried) / len(tried) if tried else 1.0


def summary(tried: Sequence[Attempt]) -> Iterator[str]:
    """The shares as Markdown, by operator, and the survivors."""
    yield "| operator | generated mutants | found | share |"
    yield "|---|--:|--:|--:|"
    operators = list(dict.fromkeys(one.mutant.operator for one in tried))
    for operator in [*operators, None]:
        of_it = [one for one in tried if operator in (None, one.mutant.operator)]
        found = sum(bool(one.failed) for one in of_it)
        yield f"| {operator or 'all'} | {len(of_it)} | {found} | {share(of_it):.1%} |"
    survivors = [one for one in tried if not one.failed]
    if survivors:
        yield ""
        yield "| surviving mutant | what the page forbids in its answers | differences |"
        yield "|---|---|---|"
        for one in survivors:
            cells = (one.mutant.name, one.mutant.breach, ", ".join(one.differing) or "nothing")
            yield f"| {' | '.join(cells)} |"
