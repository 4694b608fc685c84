"""The judge judged: it must notice every mutant, and leave every conforming target alone."""

import contextlib
import io
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..contract import AnyJson, load_contract
from .catalogue import MUTANTS
from .conforming_variants import CONFORMING_VARIANTS

#: Runs the contract tests with more arguments; writes the JSON report to the path.
RunSuite = Callable[[list[str], Path], object]

#: Name of the trial with nothing before the target: what a run that finds nothing takes.
CLEAN = "as it is"
TITLE = (
    "# Kill table",
    "",
    "Written by `make kill-table`. A mutant makes a conforming target break one requirement,",
    "and the judge must notice; a freedom changes it within the contract and must not be reported.",
    "",
    "The shares are of the requests, and of the time, that a run takes in which nothing is wrong.",
    "Requests depend on the seed alone. Time is that of a single run, and noisy.",
    "",
)


@dataclass(frozen=True)
class Trial:
    """One wrapped target, and what the judge made of it."""

    #: Name of the mutant, or names of the freedoms.
    name: str
    #: The requirement that the mutant breaks; None for freedoms.
    requirement: str | None
    #: Number of the request that gave the mutant away; None where none did.
    killed_at: int | None
    #: Requirements that fail although the target conforms, or why the run is worthless.
    accused: tuple[str, ...]
    requests: int
    #: How long the run took.
    seconds: float

    @property
    def good(self) -> bool:
        """Whether the judge did right."""
        return self.killed_at is not None if self.requirement else not self.accused

    @property
    def line(self) -> str:
        """One line about it."""
        if self.requirement:
            killed = f"killed at request {self.killed_at}, in {self.seconds:.1f} s"
            fate = killed if self.killed_at else "SURVIVED"
            return f"mutant   {self.name} ({self.requirement}): {fate}"
        fate = f"WRONGLY REPORTED for {', '.join(self.accused)}" if self.accused else "conforms"
        return f"freedom  {self.name}: {fate}"


def trials(
    check: RunSuite, effort: str, seed: int, names: Iterable[str], combinations: int
) -> Iterator[Trial]:
    """Try mutants and freedoms of those names, then combinations, each with its own seed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"

        def tried(name: str, requirement: str | None, *wrappers: str, seed: int = seed) -> Trial:
            path.unlink(missing_ok=True)
            started = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                check([f"--effort={effort}", f"--seed={seed}", *wrappers], path)
            seconds = time.perf_counter() - started
            return _trial(name, requirement, json.loads(path.read_text("utf-8")), seconds)

        wanted = set(names) or {CLEAN, *MUTANTS, *CONFORMING_VARIANTS}
        for mutant in MUTANTS.values():
            if mutant.name in wanted:
                yield tried(mutant.name, mutant.requirement, f"--mutant={mutant.name}")
        if CLEAN in wanted:
            yield tried(CLEAN, None)
        for name in CONFORMING_VARIANTS:
            if name in wanted:
                yield tried(name, None, f"--freedom={name}")
        draw = random.Random(seed)  # noqa: S311 - a choice of examples, not of secrets
        for number in range(combinations):
            chosen = draw.sample(sorted(CONFORMING_VARIANTS), draw.randint(2, 5))
            wrappers = [f"--freedom={name}" for name in chosen]
            yield tried(" + ".join(chosen), None, *wrappers, seed=seed + number)


def _trial(name: str, requirement: str | None, report: AnyJson, seconds: float) -> Trial:
    broken = {row["id"]: row["first_broken"] for row in report["requirements"]}
    failed = [row["id"] for row in report["requirements"] if row["outcome"] == "failed"]
    if report["verdict"] != "conforms" and not failed:
        failed = [report["verdict"]]
    killed_at = broken[requirement] if requirement else None
    return Trial(name, requirement, killed_at, tuple(failed), report["requests_sent"], seconds)


def idle(tried: Iterable[Trial]) -> list[str]:
    """Requirements that can be broken, and by which no mutant was killed: nothing proves them."""
    caught = {trial.requirement for trial in tried if trial.good}
    return [
        name
        for name, requirement in load_contract().requirements.items()
        if requirement.level != "open" and name not in caught
    ]


def table(tried: Iterable[Trial]) -> Iterator[str]:
    """The kill table as Markdown."""
    kept = list(tried)
    clean = next((trial for trial in kept if trial.name == CLEAN), None)
    yield from TITLE
    yield "| mutant: the target … | requirement | killed at request | share of requests | of time |"
    yield "|---|---|--:|--:|--:|"
    for trial in kept:
        if trial.requirement:
            cells = [trial.name, f"`{trial.requirement}`", *_fall(trial, clean)]
            yield f"| {' | '.join(cells)} |"
    yield ""
    yield "| freedom: the target's … | wrongly reported for | requests |"
    yield "|---|---|--:|"
    for trial in kept:
        if not trial.requirement:
            yield f"| {trial.name} | {', '.join(trial.accused) or 'nothing'} | {trial.requests} |"


def _fall(trial: Trial, clean: Trial | None) -> tuple[str, str, str]:
    """When a mutant was killed: the request, and the shares of a clean run; unknown without one."""
    if trial.killed_at is None:
        return "**survived**", "", ""
    if clean is None:
        return str(trial.killed_at), "", ""
    shares = trial.killed_at / clean.requests, trial.seconds / clean.seconds
    requests, time = (f"{share:.0%}".replace("%", " %") for share in shares)
    return str(trial.killed_at), requests, time
