"""The command `rerank-contract`: the contract tests, run from anywhere against any target."""

import argparse
import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import hypothesis.configuration
import pytest

from .audit import command as audit
from .client import command as client
from .command import xdist
from .command.interruption import Interruption
from .command.listing import explanations, listing, revision_listing
from .command.observing import Planned, observation, sees_less, untried
from .command.options import (
    declare,
    declare_asking,
    declare_revision,
    defaults,
    natural,
    positive,
    problem,
    selects,
    whole,
    words,
)
from .command.outputs import output_problems
from .command.progress import ProgressBar
from .command.unread import output_may_end
from .contract import Contract, RevisionError, load_contract
from .diff import command as diff
from .diff.model import DiffError, Kind
from .diff.reading import read
from .files import cache
from .gateway import command as gateway
from .interop import command as interop
from .judging.limits import EFFORTS
from .judging.outcomes import EXIT_CODES, Verdict
from .mutants import sampling, shares
from .mutants.catalogue import MUTANTS
from .mutants.conforming_variants import CONFORMING_VARIANTS
from .mutants.selftest import CLEAN, RunSuite, Trial, idle, table, trials
from .redaction import blot_unknown
from .report.writers import write_file
from .version import installed
from .wording import hint

HERE = Path(__file__).parent
#: An option in a help text.
OPTION = re.compile(r"--[a-z-]+")


class Parser(argparse.ArgumentParser):
    """Says what may have been meant by a word that is none of its choices."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - argparse's own
        # An abbreviation may be a typo: `--api-key` would be that of the name of a variable.
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with code 2."""
        wrong, _, choices = message.partition("invalid choice: ")[2].partition(" (choose from ")
        known = re.findall(r"[^',]+", choices.rstrip(")"))
        meant = hint(wrong.strip("'"), map(str.strip, known)) if known else ""
        super().error(blot_unknown(f"{message}{meant}"))


#: Commands that need no pytest.
_OWN = {"audit": audit, "client": client, "gateway": gateway, "interop": interop}

#: The caller's configuration, plugins' caches and folders of the same name stay outside; what
#: fails is reported once, by the report.
_PYTEST = (
    *("-c", str(HERE / "installed.ini"), "--rootdir", str(HERE), "-p", "no:cacheprovider"),
    # Without the other plugins that are installed; the mock comes by its entry point.
    *("-p", "rerank_mock"),
    # Hypothesis is imported by now, so its asserts are not rewritten; that is no problem here.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
    # Collecting all garbage at the end takes long, and after hundreds of runs longer than the runs.
    *("-p", "no:unraisableexception", "-p", "no:threadexception"),
    *("-qq", "--tb=no", "-rN", "--no-header", str(HERE)),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; `check` returns 0 conforms, 1 violates, 2 usage, 3 inconclusive, 4 broke."""
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        wrong = next((word.partition("=")[0] for word in unknown if word.startswith("-")), "")
        meant = hint(wrong, OPTION.findall(options.own_help()))
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
    if options.command == "list":
        lines = _list(parser, options)
        with output_may_end():
            print("\n".join(lines))
        return 0
    if options.command == "diff":
        with output_may_end():
            return diff.main(options)
    if options.command in _OWN:
        return _run_own(parser, options)
    with by_ourselves(), output_may_end():
        if options.command in ("check", "observe"):
            return (_check if options.command == "check" else _observe)(parser, options)
        try:
            return _selftest(parser, options)
        except KeyboardInterrupt:
            return _interrupted()


def _run_own(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    command = _OWN[options.command]
    trouble = command.problem(options)
    if trouble:
        parser.error(trouble)
    # `client` ends where its reader does.
    with contextlib.nullcontext() if command is client else output_may_end():
        try:
            return int(command.main(options))
        except KeyboardInterrupt:
            # Before there is anything to report, or while a report is written.
            return _interrupted()


def _interrupted() -> int:
    print("interrupted", file=sys.stderr)
    return EXIT_CODES[Verdict.INCONCLUSIVE]


@contextlib.contextmanager
def by_ourselves() -> Generator[None, None, None]:
    """Keep away what is meant for the caller's own tests, and leave nothing in the folder."""
    ours = {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "",
        "PYTEST_PLUGINS": "",
        # For the processes of --jobs.
        "HYPOTHESIS_STORAGE_DIRECTORY": str(cache()),
    }
    theirs = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        hypothesis.configuration.set_hypothesis_home_dir(cache())
        yield
    finally:
        hypothesis.configuration.set_hypothesis_home_dir(None)
        for name, value in theirs.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def judge_quietly(target: Sequence[str], arguments: Sequence[str], path: Path) -> None:
    """Run the contract tests only for what they find: the report as JSON at `path`."""
    interruption = Interruption()
    pytest.main([*_PYTEST, *target, *arguments, f"--report-json={path}"], plugins=[interruption])
    if interruption.came:
        raise KeyboardInterrupt


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    trouble = problem(options) or xdist.problem(options.jobs)
    if trouble:
        parser.error(trouble)
    arguments = [*_PYTEST, *words(options), *xdist.words(options.jobs)]
    plugins = [Interruption(), *([ProgressBar()] if sys.stdout.isatty() else [])]
    code = pytest.main(arguments, plugins=plugins)
    # Stopped before the first test, or without any: otherwise the verdict has set the code.
    if code in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.NO_TESTS_COLLECTED):
        return EXIT_CODES[Verdict.INCONCLUSIVE]
    return int(code)


def _observe(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    trouble = problem(options) or next(output_problems({"--output": options.output}), None)
    if trouble:
        parser.error(trouble)
    with tempfile.TemporaryDirectory() as folder:
        report, behaviour = Path(folder, "report.json"), Path(folder, "behaviour.json")
        options.report_json, options.behaviour_json = report, behaviour
        arguments = [*_PYTEST[:-1], str(HERE / "test_behaviours.py"), *words(options)]
        plugins = [Interruption(), Planned(sys.stdout)]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            pytest.main(arguments, plugins=plugins)
        lines = observation(report, behaviour)
        if not lines:
            print(printed.getvalue(), end="", file=sys.stderr)
            return EXIT_CODES[Verdict.INCONCLUSIVE]
        missing = untried(report, behaviour)
        lines += missing
        kept = sees_less(behaviour, options.output) if missing else ""
        if kept:
            print("\n".join(lines))
            print(f"--output: {options.output}: {kept}", file=sys.stderr)
            return EXIT_CODES[Verdict.INCONCLUSIVE]
        try:
            write_file(options.output, behaviour.read_text("utf-8"))
        except OSError as error:
            print(f"--output: {options.output}: {error.strerror}", file=sys.stderr)
            return EXIT_CODES[Verdict.BROKEN]
    print("\n".join(lines))
    print(f"To have the mock act so: rerank-mock serve --behaviour {options.output}")
    return EXIT_CODES[Verdict.INCONCLUSIVE] if missing else 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="rerank-contract", description="Contract tests for POST /v1/rerank.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {installed()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="judge a target",
        description="Judge a target. Exit code: 0 conforms, 1 violates, 2 usage, "
        "3 inconclusive, 4 the suite itself broke, or could not write a report.",
    )
    declare(check.add_argument, ours=True)
    xdist.declare(check.add_argument)
    observe = commands.add_parser(
        "observe",
        help="find out what a target does where the contract leaves it open",
        description="Find out what a target does where the contract leaves it open, and write a "
        "file by which the mock acts so. Exit code: 0 something was seen, 2 usage, 3 nothing was.",
    )
    observe.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="write what was seen there"
    )
    observe.set_defaults(**defaults())
    declare_asking(observe.add_argument, ours=True)
    observe.set_defaults(effort="thorough")
    listing_parser = commands.add_parser("list", help="list the requirements")
    listing_parser.add_argument(
        "--explain",
        nargs="?",
        const="",
        metavar="ID",
        help="show all about a requirement or a switch, what speaks for it among that, or about "
        "all requirements below a name such as request.top_n; without an id, about all of them",
    )
    listing_parser.add_argument(
        "--observed",
        type=Path,
        metavar="FILE",
        help="with --explain: also what a file of `observe` has seen, and when",
    )
    listing_parser.add_argument(
        "--revisions", action="store_true", help="list the revisions of the contract instead"
    )
    declare_revision(listing_parser.add_argument)
    diff_parser = commands.add_parser(
        "diff",
        help="compare two revisions, observations, reports or recordings",
        description="Print what changed between two of a kind, and whether it breaks clients. Exit "
        "code: 0 nothing breaks clients, 1 something does, 2 usage, 3 nothing could be compared.",
    )
    diff.declare(diff_parser.add_argument)
    client_parser = commands.add_parser(
        "client",
        help="grade a client",
        description="Grade a client by what it does in each scenario. Exit code: 0 nothing failed, "
        "1 something did, 2 usage, or the client cannot be started or does nothing, 3 nothing "
        "passed, or it was interrupted.",
    )
    client.declare(client_parser.add_argument)
    audit_parser = commands.add_parser(
        "audit",
        help="judge recorded traffic",
        description="Judge recorded requests and answers; nothing is sent to a service. Exit code: "
        "0 all keep the contract, 1 some do not, 2 usage, 3 not all could be read, or nothing was "
        "found, 4 the suite itself broke.",
    )
    audit.declare(audit_parser.add_argument)
    gateway_parser = commands.add_parser(
        "gateway",
        help="drive a gateway from both sides",
        description="Drive a gateway from the side of its callers, with a mock as the upstream "
        "that it asks, and compare both sides. Exit code: 0 callers are not harmed, 1 they are, "
        "2 usage, or the gateway cannot be started, 3 the plainest request does not pass, 4 the "
        "suite itself broke, or could not write a report.",
    )
    gateway.declare(gateway_parser.add_argument)
    interop_parser = commands.add_parser(
        "interop",
        help="try published clients with a server",
        description="Try which published clients work with a server; each is installed on demand "
        "into a folder of its own. Exit code: 0 all work, 1 some do not, 2 usage, 3 not all could "
        "be tried, 4 a report could not be written.",
    )
    interop.declare(interop_parser.add_argument)
    selftest = commands.add_parser(
        "selftest",
        help="judge the judge",
        description="Run the judge on mutants of the mock, each of which breaks one "
        "requirement, and on conforming variants of it. Exit code 1 where a mutant survives, a "
        "requirement catches no mutant, or a variant is reported.",
    )
    selftest.add_argument(
        "--target",
        default="mock",
        metavar="mock|URL",
        help="a conforming target to wrap (default: %(default)s)",
    )
    selftest.add_argument(
        "--api-key-env",
        default="SILICONFLOW_API_KEY",
        metavar="NAME",
        help="environment variable that holds its key (default: %(default)s)",
    )
    selftest.add_argument(
        "--second-api-key-env",
        metavar="NAME",
        help="environment variable that holds the key of a second caller of a URL: one mutant "
        "is caught only with it",
    )
    selftest.add_argument("--effort", choices=list(EFFORTS), default="standard")
    selftest.add_argument("--seed", type=whole, default=0)
    selftest.add_argument(
        "--combinations",
        type=natural,
        default=3,
        metavar="N",
        help="random combinations of freedoms (default: %(default)s)",
    )
    selftest.add_argument(
        "--name",
        action="append",
        default=[],
        type=_trial_name,
        metavar="NAME",
        help=f"try only this mutant or freedom, or the target {CLEAN}; repeatable",
    )
    selftest.add_argument(
        "--generated",
        type=natural,
        default=0,
        metavar="N",
        help="also try so many generated mutants that break the page (default: %(default)s)",
    )
    selftest.add_argument(
        "--jobs",
        type=positive,
        default=1,
        metavar="N",
        help="generated mutants that are tried at a time (default: %(default)s)",
    )
    selftest.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    for each in commands.choices.values():
        each.set_defaults(own_help=each.format_help)
    return parser


def _trial_name(text: str) -> str:
    known = (CLEAN, *MUTANTS, *CONFORMING_VARIANTS)
    if text not in known:
        raise argparse.ArgumentTypeError(
            f"no mutant or freedom is called {text}{hint(text, known)}; the kill table in the "
            "documentation has all of them"
        )
    return text


def _list(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Iterator[str]:
    if options.revisions:
        return revision_listing()
    contract, wanted = _load(parser, options.revision), options.explain
    if wanted is None:
        if options.observed:
            parser.error("--observed is for --explain")
        return listing(contract)
    known = [*contract.requirements, *contract.switches]
    explained = [name for name in known if not wanted or selects(wanted, name)]
    if not explained:
        parser.error(
            f"--explain: no requirement or switch is called {wanted}{hint(str(wanted), known)}"
        )
    try:
        observed = read(options.observed, Kind.OBSERVATIONS) if options.observed else None
    except DiffError as error:
        parser.error(f"--observed: {error}")
    return explanations(contract, explained, observed)


def _load(parser: argparse.ArgumentParser, revision: str | None) -> Contract:
    try:
        return load_contract(revision)
    except RevisionError as error:
        parser.error(str(error))


def _selftest(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    target = [f"--target={options.target}", f"--api-key-env={options.api_key_env}"]
    if options.second_api_key_env:
        target.append(f"--second-api-key-env={options.second_api_key_env}")
    file = options.markdown
    trouble = problem(parser.parse_args(["check", *target]))
    trouble = trouble or next(output_problems({"--markdown": file}), None)
    if trouble:
        parser.error(trouble)

    tried: list[Trial] = []
    judge = partial(judge_quietly, target)
    for trial in trials(judge, options.effort, options.seed, options.name, options.combinations):
        tried.append(trial)
        print(trial.line, flush=True)
    generated = list(_generated(judge, target, options)) if options.generated else []
    if options.markdown:
        lines = [*table(tried), *(["", *shares.summary(generated)] if generated else [])]
        try:
            write_file(options.markdown, "\n".join(lines) + "\n")
        except OSError as error:
            parser.error(f"--markdown: {options.markdown} cannot be written: {error.strerror}")
    wrong = [trial for trial in tried if not trial.good]
    print(f"{len(tried) - len(wrong)} of {len(tried)} judged correctly")
    unproved = [] if options.name else idle(tried)
    if unproved:
        print(f"not proved, because no mutant was killed by it: {', '.join(unproved)}")
    for line in shares.summary(generated) if generated else ():
        print(line)
    return 1 if wrong or unproved or shares.share(generated) < shares.LEAST else 0


def _generated(
    judge: RunSuite, target: Sequence[str], options: argparse.Namespace
) -> Iterator[shares.Attempt]:
    sample = sampling.Sample(options.generated, options.seed)
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*_PYTEST[:-1], *target, sampling.__file__], plugins=[sample])
    arguments = [f"--effort={options.effort}", f"--seed={options.seed}"]
    for attempt in shares.attempts(judge, arguments, sample.counted, options.jobs):
        print(attempt.line, flush=True)
        yield attempt


if __name__ == "__main__":
    sys.exit(main())
