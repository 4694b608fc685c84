"""The command ``rerank-contract``: the contract tests, run from anywhere against any target."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from .options import declare, file_problem, problem, words
from .outcomes import EXIT_CODES, Verdict

HERE = Path(__file__).parent


#: The caller's configuration, plugins' caches and folders of the same name stay outside; what
#: fails is told by the report, once.
_PYTEST = (
    *("-c", str(HERE / "installed.ini"), "--rootdir", str(HERE), "-p", "no:cacheprovider"),
    # Hypothesis is imported by now: its asserts are not rewritten, and nobody minds.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
    *("-q", "--tb=no", "-rN", "--no-header", str(HERE)),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge a target; return 0 conforms, 1 violates, 2 usage, 3 inconclusive, 4 suite broke."""
    parser = _parser()
    options = parser.parse_args(arguments)
    junit = options.junitxml
    trouble = problem(options) or (junit and file_problem("junitxml", junit))
    if trouble:
        parser.error(trouble)
    code = pytest.main([*_PYTEST, *words(options), *([f"--junitxml={junit}"] if junit else [])])
    if code in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.NO_TESTS_COLLECTED):
        return EXIT_CODES[Verdict.INCONCLUSIVE]
    return int(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rerank-contract", description="Contract tests for POST /v1/rerank."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="judge a target",
        description="Judge a target. Exit code: 0 conforms, 1 violates, 2 usage, "
        "3 inconclusive, 4 the suite itself broke.",
    )
    declare(check.add_argument, "--strict")
    check.add_argument("--junitxml", type=Path, metavar="FILE", help="write pytest's JUnit there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
