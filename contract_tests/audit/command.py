"""The command `rerank-contract audit`: judges recorded traffic, and sends nothing to a service."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from ..checks.violations import printable, shorten
from ..client.mock_process import Mock, MockError
from ..command.options import (
    declare_reports,
    declare_revision,
    declare_strict,
    revision_problem,
)
from ..command.outputs import files, output_problems, write_outputs
from ..command.progress import bar
from ..contract import load_contract
from ..judging.connection import Connection
from ..judging.ledger import Ledger
from ..judging.limits import EFFORTS, Budget
from ..judging.outcomes import EXIT_CODES, Verdict
from ..judging.run import Run
from ..report.builder import report_of
from ..report.model import Audit, Report
from ..report.terminal import lines
from .advice import SEVERITIES, Adviser
from .auditor import Auditor
from .following import Followed
from .growing import GrowingArchive
from .recordings import RecordingError, Tally, read

NOTHING = "nothing"
#: Most base URLs that the report names.
NAMED = 3


def declare(add: Callable[..., object]) -> None:
    """Declare the options."""
    add(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="an HTTP archive (HAR), a cassette of VCR.py, or the journal of the mock",
    )
    add(
        "--follow",
        metavar="URL|FILE",
        help="judge live what a mock that runs there records, such as `rerank-mock proxy`, or what"
        " is written to an HTTP archive, until it ends or Ctrl-C; what fails is printed at once",
    )
    add(
        "--admin-token-env",
        metavar="NAME",
        help="the environment variable with the token that this mock requires",
    )
    add(
        "--target",
        metavar="URL",
        help="judge only what was sent to this base URL, such as https://host/v1 (default: all)",
    )
    declare_revision(add)
    declare_strict(add, ours=True)
    add(
        "--fail-on",
        choices=(*SEVERITIES, NOTHING),
        default="breach",
        help="the mildest advice on a request that makes the verdict `violates` "
        "(default: %(default)s)",
    )
    declare_reports(add, ours=True)


def problem(options: argparse.Namespace) -> str | None:
    """What is wrong with the options; None where nothing is."""
    return next(_problems(options), None)


def main(options: argparse.Namespace) -> int:
    """Audit; return 0 conforms, 1 violates, 3 inconclusive, 4 the suite itself broke."""
    run = _run(options)
    auditor, tally = Auditor(run), Tally()
    troubles: list[str] = []
    try:
        with Mock(revision=options.revision) as mock:
            adviser = Adviser(mock, None if options.fail_on == NOTHING else options.fail_on)
            try:
                if options.follow:
                    troubles += _follow(options, tally, auditor, adviser)
                for path in options.files:
                    troubles += _audit(path, tally, auditor, adviser, options.target)
            except KeyboardInterrupt:
                troubles.append("interrupted: the report is about what was read until then")
            adviser.flush()
    except MockError as error:
        print(printable(f"rerank-contract audit: {error}"), file=sys.stderr)
        return EXIT_CODES[Verdict.BROKEN]
    auditor.conclude()
    report = _report(options, auditor, tally, troubles, adviser)
    unwritten = list(write_outputs(files(options), report, date.today()))
    print("\n".join([*lines(report), *map(printable, unwritten)]))
    return EXIT_CODES[Verdict.BROKEN if unwritten else report.verdict]


def _audit(
    path: Path, tally: Tally, auditor: Auditor, adviser: Adviser, target: str | None
) -> Iterator[str]:
    """Audit one file; say why it could not be read to its end, if it could not."""
    auditor.begin()
    # Requests of two files are not compared.
    adviser.flush()
    wanted = target and target.rstrip("/")
    with bar(path) as progress:
        try:
            for recorded in read(path, tally, progress):
                if wanted and recorded.base_url != wanted:
                    tally.skipped["it went to another base URL"] += 1
                    continue
                auditor.take(recorded)
                adviser.take(recorded)
        except RecordingError as error:
            yield str(error)


def _follow(
    options: argparse.Namespace, tally: Tally, auditor: Auditor, adviser: Adviser
) -> Iterator[str]:
    """Audit what grows until it ends; say why it could not be read, if it could not."""
    name = options.admin_token_env
    followed = (
        Followed(options.follow, os.environ[name] if name else None)
        if _is_url(options.follow)
        else GrowingArchive(Path(options.follow))
    )
    wanted = options.target and options.target.rstrip("/")
    known: set[str] = set()
    auditor.begin()
    try:
        for new in followed.read(tally):
            for recorded in new:
                if wanted and recorded.base_url != wanted:
                    tally.skipped["it went to another base URL"] += 1
                    continue
                auditor.take(recorded)
                adviser.take(recorded)
            adviser.flush()
            for name, line in _failures(auditor, adviser):
                if name not in known:
                    known.add(name)
                    print(printable(line), flush=True)
    except KeyboardInterrupt:
        # The usual end.
        return
    except RecordingError as error:
        yield str(error)


def _failures(auditor: Auditor, adviser: Adviser) -> Iterator[tuple[str, str]]:
    """What has failed so far: its name, and a line about it."""
    ledger = auditor.run.ledger
    for name in auditor.breaches:
        if ledger.fails(name):
            (worst, *_) = ledger.worst(name)
            what = f"expected {worst.expected}, received {worst.received}"
            yield name, f"FAILED {name} ({worst.test}): {what}"
    for found in adviser.advice():
        if found.fails:
            yield found.id, f"FAILED {found.id} ({found.place}): {found.hint}"


def _run(options: argparse.Namespace) -> Run:
    contract = load_contract(options.revision)
    ledger = Ledger(contract, strict=options.fail_on_difference)
    connection = Connection(Budget(0), price=lambda _: Decimal(0))
    return Run(contract, EFFORTS["smoke"], 0, ledger, connection)


def _report(
    options: argparse.Namespace,
    auditor: Auditor,
    tally: Tally,
    troubles: list[str],
    adviser: Adviser,
) -> Report:
    report = report_of(auditor.run)
    tried = auditor.run.ledger.tried & auditor.run.contract.requirements.keys()
    base_urls = [shorten(url) for url, _ in auditor.base_urls.most_common()]
    more = f" and {len(base_urls) - NAMED} more" if len(base_urls) > NAMED else ""
    audit = Audit(
        files=(options.follow,) if options.follow else tuple(map(str, options.files)),
        rows=tally.rows,
        judged=auditor.judged,
        skipped=Counter(tally.skipped) + auditor.unjudged,
        troubles=tuple(troubles),
        advice=tuple(adviser.advice()),
        options=tuple(_options(options)),
    )
    return replace(
        report,
        target=", ".join(base_urls[:NAMED]) + more or "nothing that was recorded",
        effort="recorded",
        coverage=(("requirements", len(tried), len(report.entries)),),
        audit=audit,
    )


def _options(options: argparse.Namespace) -> Iterator[str]:
    for name in ("target", "revision"):
        value = getattr(options, name)
        if value:
            yield f"--{name}={value}"
    if options.fail_on_difference:
        yield "--fail-on-difference"
    if options.fail_on != "breach":
        yield f"--fail-on={options.fail_on}"
    if options.follow:
        # The last one: what was read follows, as files do.
        yield "--follow"


def _is_url(followed: str) -> bool:
    return followed.startswith(("http://", "https://"))


def _problems(options: argparse.Namespace) -> Iterator[str]:
    if trouble := revision_problem(options.revision):
        yield trouble
    if bool(options.files) is bool(options.follow):
        yield "name the files to audit, or follow a mock or an archive with --follow URL|FILE"
    if options.follow and not _is_url(options.follow) and not Path(options.follow).is_file():
        what = shorten(options.follow)
        yield f"--follow must be the URL of a mock or an HTTP archive that exists, not {what}"
    if options.admin_token_env and options.admin_token_env not in os.environ:
        yield "the variable that --admin-token-env names is not set"
    for path in options.files:
        if not path.exists():
            yield f"{path} does not exist"
        elif path.is_dir():
            yield f"{path} is a folder; name the files in it"
        elif not path.is_file():
            yield f"{path} is not a plain file; what comes from a pipe must be kept in one first"
    yield from output_problems(
        files(options), {f"the argument {path}": path for path in options.files}
    )
