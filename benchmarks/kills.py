"""How soon the judge notices each mutant: requests and seconds, against a run without a fault."""

from collections.abc import Iterable, Iterator
from functools import partial
from statistics import quantiles

from contract_tests.__main__ import by_ourselves, judge_quietly
from contract_tests.mutants.catalogue import MUTANTS
from contract_tests.mutants.selftest import CLEAN, Trial, trials

HEAD = """\
| effort | mutants killed | requests of a clean run | share of these | share of its time |
|---|---|--:|---|---|"""


def find_mutants() -> list[str]:
    """Print requests and seconds to the fall of each mutant; return the table of all."""
    lines = [HEAD]
    for effort in ("smoke", "standard"):
        tried: list[Trial] = []
        for trial in kills(effort):
            tried.append(trial)
            print(trial.line, flush=True)
        lines.append(summary(effort, tried))
    print(*lines, sep="\n")
    return lines


def kills(effort: str, names: Iterable[str] = MUTANTS) -> Iterator[Trial]:
    """Try the clean target and those mutants of it, in this process."""
    with by_ourselves():
        yield from trials(partial(judge_quietly, ()), effort, 0, [CLEAN, *names], 0)


def summary(effort: str, tried: Iterable[Trial]) -> str:
    """Print one line of the table: what of a clean run has passed when mutants fall."""
    kept = list(tried)
    clean = next(trial for trial in kept if trial.name == CLEAN)
    mutants = [trial for trial in kept if trial.requirement]
    fallen = [(trial.killed_at, trial.seconds) for trial in mutants if trial.killed_at]
    requests = _quartiles(killed_at / clean.requests for killed_at, _ in fallen)
    time = _quartiles(seconds / clean.seconds for _, seconds in fallen)
    cells = (f"`{effort}`", f"{len(fallen)} of {len(mutants)}", f"{clean.requests}", requests, time)
    return f"| {' | '.join(cells)} |"


def _quartiles(shares: Iterable[float]) -> str:
    """Print the median, and the quartiles that half of them lie between."""
    cut = quantiles(shares, n=4, method="inclusive")
    first, middle, third = (f"{share:.0%}".replace("%", " %") for share in cut)
    return f"**{middle}**, {first} to {third}"
