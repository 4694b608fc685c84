"""The command ``rerank-contract``: the contract tests, run from anywhere against any target."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from .contract import MODELS
from .outcomes import EXIT_CODES, Verdict
from .spending import EFFORTS

HERE = Path(__file__).parent
USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge a target; return 0 conforms, 1 violates, 2 usage, 3 inconclusive, 4 suite broke."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.target != "mock":
        if not options.target.startswith(("http://", "https://")):
            parser.error(f"--target: {options.target} is neither `mock` nor an http(s) URL")
        if not os.environ.get(options.api_key_env):
            parser.error(f"set ${options.api_key_env} to the key of {options.target}")
    for path in (options.report_json, options.junitxml):
        if path is not None and not path.absolute().parent.is_dir():
            parser.error(f"{path}: the folder {path.parent} does not exist")
    code = pytest.main(_pytest_arguments(options))
    if code == pytest.ExitCode.INTERRUPTED:
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
    check.add_argument(
        "--target",
        default="mock",
        metavar="mock|URL",
        help="the embedded mock, or a base URL such as https://host/v1 (default: %(default)s)",
    )
    check.add_argument(
        "--api-key-env",
        default="SILICONFLOW_API_KEY",
        metavar="NAME",
        help="environment variable that holds the key (default: %(default)s)",
    )
    check.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME",
        help="model to judge, repeatable (default: the cheapest of each kind that the page "
        f"names, of {len(MODELS)})",
    )
    check.add_argument("--effort", choices=list(EFFORTS), default="standard")
    check.add_argument("--seed", type=int, default=0, help="what is drawn depends on it alone")
    check.add_argument("--max-requests", type=_positive, metavar="N", help="hard limit")
    check.add_argument(
        "--strict", action="store_true", help="differences from the observed service fail, too"
    )
    check.add_argument("--report-json", type=Path, metavar="FILE")
    check.add_argument("--junitxml", type=Path, metavar="FILE")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _pytest_arguments(options: argparse.Namespace) -> list[str]:
    arguments = [
        # The caller's configuration, plugins' caches and folders of the same name stay outside.
        *("-c", str(HERE / "installed.ini"), "--rootdir", str(HERE), "-p", "no:cacheprovider"),
        *("-q", "--tb=short", "-rN", "--no-header", str(HERE)),
        f"--target={options.target}",
        f"--api-key-env={options.api_key_env}",
        f"--effort={options.effort}",
        f"--seed={options.seed}",
        *(f"--model={name}" for name in options.model),
    ]
    if options.max_requests:
        arguments.append(f"--max-requests={options.max_requests}")
    if options.strict:
        arguments.append("--fail-on-difference")
    if options.report_json:
        arguments.append(f"--report-json={options.report_json.absolute()}")
    if options.junitxml:
        arguments.append(f"--junitxml={options.junitxml.absolute()}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
