"""The command `rerank-contract client`: grades a client by what it does in each scenario."""

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from ..checks.violations import printable
from ..command.interruption import raising_on_sigterm
from ..command.options import declare_har, declare_revision, port, revision_problem, selects
from ..command.outputs import output_problems
from ..contract import load_contract
from ..recording import Archive
from ..report.writers import write_file
from ..wording import hint
from . import report
from .attempts import CommandError, run, wait
from .grading import Grade, Graded, grade
from .mock_process import Mock, MockError
from .scenarios import ClientScenario, fits, scenarios

#: A command that neither sends nor reports anything in so many first scenarios is given up.
IDLE = 2


def declare(add: Callable[..., object]) -> None:
    """Declare the options."""
    add("--report-json", type=Path, metavar="FILE", help="write the grades as JSON there")
    declare_har(add)
    add(
        "--only",
        action="append",
        default=[],
        metavar="ID",
        help="run only this scenario, or all below a name such as refusal; repeatable",
    )
    add("--list", action="store_true", help="list the scenarios, and run none")
    add(
        "--wait",
        action="store_true",
        help="run no command: print address, key and task of each scenario, and read the answers "
        "from standard input to its end",
    )
    add("--host", default="127.0.0.1", help="where the mock listens (default: %(default)s)")
    add("--port", type=port, default=0, help="0 picks a free one (default: %(default)s)")
    declare_revision(add)
    # The words after -- are left to the client.
    add("client", nargs="*", metavar="-- COMMAND", help="the client, and its arguments")


def problem(options: argparse.Namespace) -> str | None:
    """What is wrong with the options; None where nothing is."""
    return next(_problems(options), None)


def main(options: argparse.Namespace) -> int:
    """Grade a client; return 0 none failed, 1 some did, 2 it does not work, 3 nothing passed."""
    try:
        return _main(options)
    except BrokenPipeError:
        # The reader stopped early, as `head` does: the rest of the output is dropped.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 3


def _main(options: argparse.Namespace) -> int:
    contract = load_contract(options.revision)
    wanted = [
        scenario
        for scenario in scenarios().values()
        if _is_wanted(scenario, options.only) and fits(scenario, contract)
    ]
    if options.list:
        print("\n".join(map(report.title, wanted)))
        return 0
    all_graded: list[Graded] = []
    trouble = None
    try:
        with (
            raising_on_sigterm(),
            _archive(options.har) as archive,
            Mock(options.host, options.port, options.revision) as mock,
        ):
            for graded in _recorded(mock, _grades(mock, wanted, options), archive):
                all_graded.append(graded)
                print(report.line(graded), flush=True)
                if not options.wait and len(all_graded) == IDLE and all(map(_is_idle, all_graded)):
                    nothing = "the client neither sent a request nor printed an answer"
                    raise CommandError(
                        f"{nothing} in the first {IDLE} scenarios: it {graded.attempt.silence}"
                    )
    except (CommandError, MockError) as error:
        trouble = str(error)
    except KeyboardInterrupt:
        print("interrupted; the grades so far:", file=sys.stderr)
    revision = [f"--revision={options.revision}"] if options.revision else []
    again = shlex.join(
        ["rerank-contract", "client", "--only", "ID", *revision, "--", *options.client]
    )
    for text in report.failures(all_graded, "" if options.wait else again):
        print(text)
    print(f"\n{report.summary(all_graded) or 'nothing was graded'}")
    try:
        if options.report_json:
            write_file(options.report_json, report.write(all_graded))
    except OSError as error:
        trouble = f"--report-json: {options.report_json} cannot be written: {error.strerror}"
    if trouble:
        print(printable(f"rerank-contract client: {trouble}"), file=sys.stderr)
        return 2
    grades = {graded.grade for graded in all_graded}
    if Grade.FAILED in grades:
        return 1
    return 0 if Grade.PASSED in grades and len(all_graded) == len(wanted) else 3


@contextlib.contextmanager
def _archive(path: Path | None) -> Generator[Archive | None]:
    if path is None:
        yield None
        return
    try:
        archive = Archive(path)
    except OSError as error:
        raise CommandError(f"--har: {path} cannot be written: {error.strerror}") from None
    try:
        yield archive
    finally:
        lacking = archive.close()
    if lacking:
        raise CommandError(f"--har: {path}: {lacking}")


def _recorded(mock: Mock, grades: Iterator[Graded], archive: Archive | None) -> Iterator[Graded]:
    """Each grade, once what was sent until then is recorded."""
    last = 0
    for graded in grades:
        for entry in mock.archived(last) if archive else ():
            assert archive
            last = entry["_number"]
            archive.add({**entry, "_scenario": entry["_account"] or graded.scenario.id})
        yield graded


def _grades(
    mock: Mock, wanted: list[ClientScenario], options: argparse.Namespace
) -> Iterator[Graded]:
    if options.wait:
        for scenario, attempt in wait(mock, wanted, sys.stdout, sys.stdin):
            yield grade(scenario, attempt)
    else:
        for scenario in wanted:
            yield grade(scenario, run(mock, scenario, options.client))


def _is_idle(graded: Graded) -> bool:
    """Whether the client has neither sent nor reported anything."""
    return graded.attempt.answer is None and not graded.attempt.entries


def _is_wanted(scenario: ClientScenario, only: list[str]) -> bool:
    return not only or any(selects(name, scenario.id) for name in only)


def _problems(options: argparse.Namespace) -> Iterator[str]:
    if trouble := revision_problem(options.revision):
        yield trouble
    if options.client and options.list:
        yield "--list runs no command: remove what follows --"
    if options.client and options.wait:
        yield "--wait runs no command: remove what follows --"
    if not (options.client or options.wait or options.list):
        yield "name the client after --, as in `-- python my_client.py`, or use --wait or --list"
    for name in options.only:
        if not any(selects(name, scenario) for scenario in scenarios()):
            known = {*scenarios(), *(scenario.partition(".")[0] for scenario in scenarios())}
            yield f"--only: no scenario is called {name}{hint(name, sorted(known))}"
    yield from output_problems({"--report-json": options.report_json, "--har": options.har})
