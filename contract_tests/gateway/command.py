"""The command `rerank-contract gateway`: drives a gateway from both sides."""

import argparse
import contextlib
import os
import shlex
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

from ..capabilities import name_of, name_problem
from ..checks.violations import printable
from ..client.mock_process import MockError
from ..command.interruption import raising_on_sigterm
from ..command.options import declare_revision, port, revision_problem, selects, target_problems
from ..command.outputs import output_problems
from ..command.progress import line
from ..command.routes import (
    declare_route,
    headers_of,
    key_problems,
    route_of,
    route_problems,
    seconds,
    secrets_of,
)
from ..contract import Contract, kinds, load_contract
from ..judging.outcomes import EXIT_CODES, Verdict
from ..report.writers import write_file
from ..targets import HttpTarget
from ..transport import Route
from ..wording import hint
from .findings import CHECKS, Report
from .plan import run
from .report import lines, write_json, write_markdown
from .session import Patience, Session
from .starting import Started, StartError, started
from .upstream import Upstream

#: Environment variables for a gateway that is started.
URL, KEY = "RERANK_UPSTREAM_URL", "RERANK_UPSTREAM_KEY"
#: Seconds that a gateway which is started here may take, where --wait does not say.
STARTING = 60.0
#: Seconds that it may take to end where the plainest request does not pass.
_ENDING = 3.0
#: Seconds that are waited where upstream never answers and --upstream-timeout does not say.
_HANGING = 10.0
#: Seconds after which a caller leaves, to see whether its call is cancelled.
_IMPATIENT = 0.3
_FILES = {"report_json": write_json, "report_markdown": write_markdown}


def declare(add: Callable[..., object]) -> None:
    """Declare the options."""
    add(
        "--target",
        required=True,
        metavar="URL",
        help="base URL of the gateway, such as http://127.0.0.1:4000/v1",
    )
    add(
        "--start",
        metavar="COMMAND",
        help=f"start the gateway so, with upstream's address and key in ${URL} and ${KEY}",
    )
    add(
        "--host",
        default="127.0.0.1",
        help="where upstream listens for the gateway (default: %(default)s)",
    )
    add(
        "--upstream-port",
        type=port,
        default=0,
        metavar="PORT",
        help="where upstream listens; 0 picks a free one (default: %(default)s)",
    )
    add(
        "--upstream-key-env",
        metavar="NAME",
        help="environment variable that holds the key which the gateway sends upstream (default: "
        "one is generated)",
    )
    add(
        "--upstream-timeout",
        type=seconds,
        metavar="SECONDS",
        help="longest time in which the gateway must answer a request that upstream never answers "
        f"(default: {_HANGING:g}, after which no answer is no fault)",
    )
    add(
        "--api-key-env",
        metavar="NAME",
        help="environment variable that holds the caller's key (default: the caller sends "
        "upstream's key, for the gateway to pass on)",
    )
    add(
        "--model",
        action="append",
        default=[],
        metavar="NAME[=PAGE_NAME]",
        help="model to ask for, repeatable; PAGE_NAME is the model that upstream is to be asked "
        "for (default: the first of each kind on the page)",
    )
    add(
        "--only",
        action="append",
        default=[],
        metavar="ID",
        help="try only this check, or all below a name such as failure; repeatable",
    )
    declare_revision(add)
    declare_route(add, lambda name: [name])
    add("--report-json", type=Path, metavar="FILE", help="write the report as JSON there")
    add("--report-markdown", type=Path, metavar="FILE", help="write a summary in Markdown there")


def problem(options: argparse.Namespace) -> str | None:
    """What is wrong with the options; None where nothing is."""
    return next(_problems(options), None)


def main(options: argparse.Namespace) -> int:
    """Return 0 kept, 1 broken, 2 the gateway does not start, 3 inconclusive, 4 the mock broke."""
    try:
        report = _report(options)
    except StartError as error:
        print(printable(f"rerank-contract gateway: {error}"), file=sys.stderr)
        return 2
    except MockError as error:
        print(printable(f"rerank-contract gateway: {error}"), file=sys.stderr)
        return EXIT_CODES[Verdict.BROKEN]
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_CODES[Verdict.INCONCLUSIVE]
    print("\n".join(lines(report)))
    code = EXIT_CODES[Verdict(report.verdict)]
    for name, write in _FILES.items():
        path: Path | None = getattr(options, name)
        try:
            if path:
                write_file(path, write(report))
        except OSError as error:
            option = f"--{name.replace('_', '-')}"
            print(f"{option}: {path} cannot be written: {error.strerror}", file=sys.stderr)
            code = EXIT_CODES[Verdict.BROKEN]
    return code


def _report(options: argparse.Namespace) -> Report:
    contract = load_contract(options.revision)
    key = os.environ[options.upstream_key_env] if options.upstream_key_env else None
    wanted = [check for check in CHECKS if _is_wanted(check, options.only)]
    with (
        raising_on_sigterm(),
        Upstream(options.host, options.upstream_port, key, options.revision) as upstream,
        _gateway(options, upstream) as gateway,
    ):
        caller_key = os.environ[options.api_key_env] if options.api_key_env else None
        secrets = secrets_of(options)
        route = route_of(options, options.target)
        hanging = options.upstream_timeout or min(_HANGING, route.timeout)
        with (
            line() as progress,
            route.open(options.target) as client,
            replace(route, timeout=hanging).open(options.target) as waiting,
            replace(route, timeout=min(_IMPATIENT, route.timeout)).open(options.target) as leaving,
            Route().open(upstream.base_url) as alone,
        ):
            fronts = [
                HttpTarget(each, options.target, caller_key or upstream.key, secrets=secrets)
                for each in (client, waiting, leaving)
            ]
            session = Session(
                front=fronts[0],
                patience=Patience(fronts[1], hanging, options.upstream_timeout is not None),
                upstream=upstream,
                contract=contract,
                models=_models(contract, options.model),
                caller_key=caller_key,
                headers=headers_of(options),
                secrets=secrets,
                sleep=time.sleep,
                clock=time.perf_counter,
                check=gateway.check if gateway else lambda: None,
                progress=progress,
            )
            _wait(session, options, gateway)
            report = run(
                session,
                upstream.base_url,
                HttpTarget(alone, upstream.base_url, upstream.key),
                fronts[2],
                wanted,
            )
            if gateway:
                # Something else may have its port, so that it is about to end.
                gateway.check(_ENDING if report.trouble else 0.0)
            return report


@contextlib.contextmanager
def _gateway(options: argparse.Namespace, upstream: Upstream) -> Generator[Started | None]:
    if options.start:
        environment = {URL: upstream.base_url, KEY: upstream.key}
        secrets = [os.environ[options.api_key_env]] if options.api_key_env else []
        with started(options.start, environment, [upstream.key, *secrets]) as gateway:
            yield gateway
        return
    told = f", key {upstream.key}" if not options.upstream_key_env else ""
    print(f"upstream ready at {upstream.base_url}{told}", flush=True)
    yield None


def _wait(session: Session, options: argparse.Namespace, gateway: Started | None) -> None:
    """Wait until the gateway answers, as long as it may take."""
    left = options.wait or (STARTING if gateway else 0.0)
    while left > 0:
        if gateway:
            gateway.check()
        if session.is_up():
            return
        session.sleep(0.5)
        left -= 0.5


def _models(contract: Contract, names: list[str]) -> dict[str, str]:
    if names:
        return {name_of(name): name.rpartition("=")[2] for name in names}
    online = (model for model in contract.models.values() if model.state == "online")
    return {model.id: model.id for model in kinds(online)}


def _is_wanted(check: str, only: list[str]) -> bool:
    return not only or any(selects(name, check) for name in only)


def _problems(options: argparse.Namespace) -> Iterator[str]:
    if trouble := revision_problem(options.revision):
        yield trouble
        return
    yield from target_problems(options.target)
    if not (options.start or options.upstream_port or options.wait):
        yield (
            "name the command that starts the gateway with --start, or with --upstream-port the "
            "port that it is configured to ask, or give yourself time with --wait"
        )
    if options.start:
        yield from _start_problems(options.start)
    if options.api_key_env:
        yield from key_problems(options.api_key_env, "the gateway")
    if options.upstream_key_env:
        yield from key_problems(options.upstream_key_env, "upstream")
    yield from _key_problems(options)
    yield from route_problems(options)
    contract = load_contract(options.revision)
    for name in options.model:
        if trouble := _model_problem(contract, name):
            yield f"--model: {trouble}"
    for name in options.only:
        if not any(selects(name, check) for check in CHECKS):
            known = {*CHECKS, *(check.partition(".")[0] for check in CHECKS)}
            yield f"--only: no check is called {name}{hint(name, sorted(known))}"
    written = {f"--{name.replace('_', '-')}": getattr(options, name) for name in _FILES}
    yield from output_problems(written, {"--ca-file": options.ca_file})


def _start_problems(command: str) -> Iterator[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        yield f"--start: {command}: {error}"
        return
    if not words:
        yield "--start: the command is empty"


def _key_problems(options: argparse.Namespace) -> Iterator[str]:
    keys = [
        os.environ.get(name, "") for name in (options.api_key_env, options.upstream_key_env) if name
    ]
    if len(keys) == 2 and keys[0] and keys[0] == keys[1]:
        yield "--api-key-env: the caller's key is upstream's; leave the option out"


def _model_problem(contract: Contract, name: str) -> str | None:
    if trouble := name_problem(contract, name):
        return trouble
    own, equals, _ = name.partition("=")
    if not equals and own not in contract.models:
        return f"say which model upstream is asked for, as in {own}=BAAI/bge-reranker-v2-m3"
    return None
