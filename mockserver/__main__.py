"""The command `rerank-mock`."""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from .command import serving, waiting
from .command.parser import CommandError, Parser, warnings_about
from .redaction import without_keys
from .version import installed


def main(arguments: list[str] | None = None) -> None:
    """Run the command, and exit with its status; errors are one line."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
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
    options, unknown = parser.parse_known_args(own)
    given = vars(options)
    name = given.pop("command")
    if unknown:
        commands[name].refuse(unknown)
    variables = commands[name].variables(os.environ)
    known = [variable for parser in commands.values() for variable in parser.known_variables]
    for warning in warnings_about(os.environ, known):
        print(f"rerank-mock: {warning}", file=sys.stderr)
    is_server = name == "serve" and program is None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop if is_server else _abort)
    if name == "serve":
        if program == []:
            raise CommandError("expected a command after --")
        origins = variables.keys() - given.keys()
        return serving.Serving(**{**variables, **given}, from_environment=origins).run(program)
    if program is not None:
        raise CommandError("only serve takes a command after --")
    return waiting.Waiting(**{**variables, **given}).run()


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
    parser.add_argument("--version", action="version", version=f"%(prog)s {installed()}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    serve = commands.add_parser(
        "serve",
        help="serve the mock until interrupted, or while a command runs",
        usage="rerank-mock serve [OPTION ...] [-- COMMAND ...]",
        epilog=serving.EPILOG,
    )
    serving.declare(serve)
    wait = commands.add_parser("wait", help="wait until a mock answers")
    waiting.declare(wait)
    return parser, {"serve": serve, "wait": wait}


if __name__ == "__main__":
    main()
