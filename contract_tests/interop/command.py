"""The command `rerank-contract interop`: which published clients work with a target."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..checks.violations import printable
from ..command.options import target_problems
from ..command.outputs import output_problems
from ..command.routes import (
    declare_headers,
    declare_timeout,
    header_problems,
    headers_of,
    key_problems,
    secrets_of,
)
from ..files import cache
from ..report.writers import write_file
from ..targets import HttpTarget
from ..transport import Route, proxy_for
from ..wording import hint
from .clients import CLIENTS, Client, clients_named
from .findings import Report, Row, Verdict
from .installing import place
from .report import Table, explanations, listing, write_json, write_markdown
from .running import Session
from .tasks import TASKS

EXIT_CODES = {Verdict.WORKS: 0, Verdict.FAILS: 1, Verdict.INCONCLUSIVE: 3}
#: A report could not be written.
_BROKEN = 4
_FILES = {"report_json": write_json, "report_markdown": write_markdown}


def declare(add: Callable[..., object]) -> None:
    """Declare the options."""
    add("--target", metavar="URL", help="base URL of the server, such as http://127.0.0.1:8000/v1")
    add(
        "--api-key-env",
        default="SILICONFLOW_API_KEY",
        metavar="NAME",
        help="environment variable that holds the key (default: %(default)s)",
    )
    add(
        "--model",
        default="BAAI/bge-reranker-v2-m3",
        metavar="NAME",
        help="model to ask for (default: %(default)s)",
    )
    add(
        "--client",
        action="append",
        default=[],
        metavar="NAME",
        help="try only this client, by its name or package; repeatable",
    )
    declare_headers(add)
    add("--list", action="store_true", help="list the clients and what they need, and run none")
    add(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="install the clients there (default: the folder rerank-contract/clients of the cache)",
    )
    declare_timeout(add, ["--request-timeout", "--timeout"])
    add("--report-json", type=Path, metavar="FILE", help="write the report as JSON there")
    add("--report-markdown", type=Path, metavar="FILE", help="write the table in Markdown there")


def problem(options: argparse.Namespace) -> str | None:
    """What is wrong with the options; None where nothing is."""
    return next(_problems(options), None)


def main(options: argparse.Namespace) -> int:
    """Return 0 all work, 1 some do not, 3 not all could be tried, 4 a report was not written."""
    wanted = clients_named(options.client, CLIENTS)
    if options.list:
        print("\n".join(listing(wanted)))
        return 0
    try:
        report = _report(options, wanted)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_CODES[Verdict.INCONCLUSIVE]
    print("\n".join(explanations(report)))
    code = EXIT_CODES[report.verdict]
    for name, write in _FILES.items():
        path: Path | None = getattr(options, name)
        try:
            if path:
                write_file(path, write(report))
        except OSError as error:
            option = f"--{name.replace('_', '-')}"
            print(f"{option}: {path} cannot be written: {error.strerror}", file=sys.stderr)
            code = _BROKEN
    return code


def _report(options: argparse.Namespace, clients: Sequence[Client]) -> Report:
    target, key = options.target.rstrip("/"), os.environ[options.api_key_env]
    route = Route(timeout=options.request_timeout, proxy=proxy_for(target, None))
    folder = (options.folder or cache() / "clients").absolute()
    secrets = secrets_of(options)
    with route.open(target) as http:
        session = Session(
            HttpTarget(http, target, key, secrets=secrets),
            options.model,
            key,
            options.request_timeout,
            folder,
            headers_of(options),
            secrets,
        )
        own, skipped = session.ask_all()
        if trouble := skipped.get(TASKS[0].id):
            return Report(target, options.model, trouble)
        table = Table(clients)
        print(table.head, flush=True)
        rows: list[Row] = []
        for client in clients:
            if not place(client, folder).is_dir():
                what = f"{client.name} {client.version} into {folder}"
                print(printable(f"installing {what}"), file=sys.stderr, flush=True)
            rows.append(session.row(client, own, skipped))
            print(printable(table.line(rows[-1])), flush=True)
        print()
    return Report(target, options.model, rows=rows, skipped=skipped)


def _problems(options: argparse.Namespace) -> Iterator[str]:
    known = [name for client in CLIENTS for name in (client.name, client.package)]
    for name in options.client:
        if not clients_named([name], CLIENTS):
            yield f"--client: no client is called {name}{hint(name, known)}; see --list"
    if options.list:
        return
    if options.target is None:
        yield "name the server with --target, or use --list"
        return
    yield from target_problems(options.target)
    yield from key_problems(options.api_key_env, options.target)
    yield from header_problems(options)
    if options.folder:
        yield from _folder_problems(options.folder)
    files = {f"--{name.replace('_', '-')}": getattr(options, name) for name in _FILES}
    yield from output_problems(files)


def _folder_problems(folder: Path) -> Iterator[str]:
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not nearest.is_dir():
        yield f"--folder: {nearest} is a file and no folder"
    elif not os.access(nearest, os.W_OK):
        yield f"--folder: {folder} cannot be written: {os.strerror(errno.EACCES)}"
