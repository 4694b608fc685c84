"""Reads the words after `rerank-mock`, and runs what they ask for."""

import argparse
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from types import FrameType

from ..redaction import without_keys
from ..serving import log
from . import proxying, serving, waiting
from .parser import CommandError, Parser, ShowVersion, warnings_about


def run(arguments: list[str] | None = None) -> None:
    """Run the command, and exit with its status; errors are one line."""
    try:
        sys.exit(_run(sys.argv[1:] if arguments is None else arguments))
    except CommandError as error:
        print(f"rerank-mock: {_printable(without_keys(str(error)))}", file=sys.stderr)
        sys.exit(error.status)


def _run(words: Sequence[str]) -> int:
    """Run a command; return its exit code. Raises `CommandError`."""
    own, program = list(words), None
    if "--" in own:
        place = own.index("--")
        own, program = own[:place], own[place + 1 :]
    parser, commands = _parser()
    _check_front(own, parser, commands)
    options, unknown = parser.parse_known_args(own)
    given = vars(options)
    name = given.pop("command")
    if unknown:
        if name == "serve" and not any(word.startswith("-") for word in unknown):
            words = " ".join(unknown)
            raise CommandError(f"unrecognized arguments: {words}; a command to run follows --")
        commands[name].refuse(unknown)
    variables = commands[name].variables(os.environ)
    known = [variable for parser in commands.values() for variable in parser.known_variables]
    is_json = {**variables, **given}.get("log") == "json"
    say = log.begin(sys.stderr, log.JsonFormatter() if is_json else log.LineFormatter())
    for warning in warnings_about(os.environ, known):
        say(warning)
    is_server = name in ("serve", "proxy") and program is None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop if is_server else _abort)
    origins = variables.keys() - given.keys()
    if name == "serve":
        if program == []:
            raise CommandError("expected a command after --")
        return serving.Serving(**{**variables, **given}, from_environment=origins).run(program)
    if program is not None:
        raise CommandError("only serve takes a command after --")
    if name == "proxy":
        return proxying.Proxying(**{**variables, **given}, from_environment=origins).run()
    if "url" not in given:
        # Where `serve` listens, with the same variables.
        given |= commands["serve"].variables(os.environ, waiting.PLACE)
    return waiting.Waiting(**{**variables, **given}).run()


def _check_front(words: Sequence[str], parser: Parser, commands: Mapping[str, Parser]) -> None:
    """Raise `CommandError` if the words before the command are wrong, or there is no command."""
    options = [*takewhile(lambda word: word.startswith("-"), words)]
    unknown = [word for word in options if word.partition("=")[0] not in parser.names]
    for name, command in commands.items():
        for word in unknown:
            option = word.partition("=")[0]
            if option in command.names:
                reason = f"{option} comes after the command: rerank-mock {name} {option}"
                raise CommandError(reason)
    if unknown:
        of_commands = [option for command in commands.values() for option in command.names]
        parser.refuse(unknown, of_commands)
    if not words:
        raise CommandError(f"expected a command: {_listed(commands)}; see rerank-mock --help")


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}"


def _printable(message: str) -> str:
    """Return a message as one line; a terminal obeys nothing of what a server or a file says."""
    plain = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
    return "".join(plain)


def _stop(_number: int, _frame: FrameType | None) -> None:
    """Exit; uvicorn raises the signal again once it has shut down."""
    sys.exit(0)


def _abort(number: int, _frame: FrameType | None) -> None:
    """Exit as what a signal has ended."""
    sys.exit(128 + number)


def _parser() -> tuple[Parser, dict[str, Parser]]:
    """Return the parser, and those of the commands."""
    parser = Parser(prog="rerank-mock", description="A mock of the POST /v1/rerank API.")
    parser.add_argument(
        "--version",
        action=ShowVersion,
        dest=argparse.SUPPRESS,
        nargs=0,
        help="show program's version number and exit",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    serve = commands.add_parser(
        "serve",
        help="serve the mock until interrupted, or while a command runs",
        usage="rerank-mock serve [OPTION ...] [-- COMMAND ...]",
        epilog=serving.EPILOG,
    )
    serving.declare(serve)
    proxy = commands.add_parser("proxy", help="forward to a real service, and advise on requests")
    proxying.declare(proxy)
    wait = commands.add_parser("wait", help="wait until a mock answers")
    waiting.declare(wait)
    return parser, {"serve": serve, "proxy": proxy, "wait": wait}
