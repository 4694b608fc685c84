"""The command `rerank-contract audit`: judges recorded traffic, and sends nothing to a service."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
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
from .auditor import NAMES, Auditor
from .following import Followed
from .growing import GrowingArchive
from .recordings import Recorded, RecordingError, Tally, read, same_base_url

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
            target = same_base_url(options.target) if options.target else None
            taker = _Taker(tally, auditor, adviser, target)
            try:
                if options.follow:
                    troubles += _follow(options, taker)
                for path in options.files:
                    troubles += _audit(path, taker)
            except KeyboardInterrupt:
                troubles.append("interrupted: the report is about what was read until then")
            adviser.flush()
    except MockError as error:
        print(printable(f"rerank-contract audit: {error}"), file=sys.stderr)
        return EXIT_CODES[Verdict.BROKEN]
    troubles += taker.troubles()
    auditor.conclude()
    report = _report(options, auditor, tally, troubles, adviser)
    unwritten = list(write_outputs(files(options), report, date.today()))
    print("\n".join([*lines(report), *map(printable, unwritten)]))
    return EXIT_CODES[Verdict.BROKEN if unwritten else report.verdict]


@dataclass
class _Taker:
    """Hands on what was sent to the target, answers and requests."""

    tally: Tally
    auditor: Auditor
    adviser: Adviser
    #: The only base URL that is judged; None where all are.
    target: str | None
    #: Other base URL -> how many were recorded there.
    _others: Counter[str] = field(default_factory=Counter[str])

    def take(self, recorded: Recorded) -> None:
        """Judge an exchange, or count it. Raises `MockError`."""
        if self.target and recorded.base_url != self.target:
            self.tally.skipped["it went to another base URL"] += 1
            if recorded.base_url in self._others or len(self._others) < NAMES:
                self._others[recorded.base_url] += 1
            return
        self.auditor.take(recorded)
        self.adviser.take(recorded)

    def troubles(self) -> Iterator[str]:
        """Why nothing was judged, where the target is another than those recorded."""
        if self._others and not self.auditor.base_urls:
            yield f"nothing was sent to {self.target}, but to {_named(self._others)}"


def _named(base_urls: Counter[str]) -> str:
    """The most frequent of them, in words."""
    names = [shorten(url) for url, _ in base_urls.most_common()]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _audit(path: Path, taker: _Taker) -> Iterator[str]:
    """Audit one file; say why it could not be read to its end, if it could not."""
    taker.auditor.begin()
    # Requests of two files are not compared.
    taker.adviser.flush()
    with bar(path) as progress:
        try:
            for recorded in read(path, taker.tally, progress):
                taker.take(recorded)
        except RecordingError as error:
            yield str(error)


def _follow(options: argparse.Namespace, taker: _Taker) -> Iterator[str]:
    """Audit what grows until it ends; say why it could not be read, if it could not."""
    name = options.admin_token_env
    followed = (
        Followed(options.follow, os.environ[name] if name else None)
        if _is_url(options.follow)
        else GrowingArchive(Path(options.follow))
    )
    known: set[str] = set()
    taker.auditor.begin()
    try:
        for new in followed.read(taker.tally):
            for recorded in new:
                taker.take(recorded)
            taker.adviser.flush()
            for name, line in _failures(taker.auditor, taker.adviser):
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
        target=_named(auditor.base_urls) or "nothing that was recorded",
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
    if options.target:
        if set(options.target) & set("@?#"):
            yield "--target: leave name, password and query out of the URL: every report prints it"
        try:
            same_base_url(options.target)
        except ValueError:
            what = shorten(options.target)
            yield f"--target must be a base URL such as https://host/v1, not {what}"
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
