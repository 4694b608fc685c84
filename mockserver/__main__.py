"""The command `rerank-mock`."""

import argparse
import logging
import os
import signal
import sys
from importlib.metadata import PackageNotFoundError, version
from types import FrameType
from typing import NoReturn

from .behaviour import PRESET_NAMES, load_behaviour
from .contract import ContractError, load_contract, revisions
from .scenarios.hostile import HOSTILE
from .serving import log
from .serving.server import base_url, is_loopback, listen, serve
from .state.store import DEFAULT_KEY, State
from .validation import InputError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"rerank-mock: {message}\n")


def main(arguments: list[str] | None = None) -> None:
    """Run the command. Exits with status 0, or with 2 and a one-line error."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        contract = load_contract(options.revision)
        behaviour = load_behaviour(options.behaviour, contract)
        keys = options.key or [DEFAULT_KEY]
        state = State(
            contract=contract,
            behaviour=behaviour,
            keys=keys,
            hostile=options.hostile,
            seed=options.seed,
        )
        if options.state:
            state.load(options.state)
        listener = listen(options.host, options.port)
    except (ContractError, InputError) as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"cannot listen on {options.host} port {options.port}: {error}")
    token = _token(parser, options.admin_token_env)
    if token is None and not is_loopback(listener):
        parser.error(
            f"other machines can reach /__admin on {options.host}:"
            " set a token with --admin-token-env"
        )
    if not options.quiet:
        form = log.json_line if options.log_json else log.line
        state.journal.listener = log.writer(sys.stderr, form)
    line = f"rerank-mock ready at {base_url(listener)}"
    serve(state, listener, lambda: print(line, flush=True), token)


def _stop(_number: int, _frame: FrameType | None) -> None:
    """Exit; uvicorn raises the signal again once it has shut down."""
    sys.exit(0)


def _token(parser: argparse.ArgumentParser, name: str | None) -> str | None:
    """Return the token in the environment variable with that name."""
    if name is None:
        return None
    if name not in os.environ:
        parser.error(f"the environment variable {name} is not set")
    try:
        return _word(os.environ[name])
    except argparse.ArgumentTypeError as error:
        parser.error(f"the environment variable {name} {error}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="rerank-mock", description="A mock of the POST /v1/rerank API.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    command = commands.add_parser("serve", help="serve the mock until interrupted")
    command.add_argument(
        "--host", type=_word, default="127.0.0.1", help="address to listen on; default: %(default)s"
    )
    command.add_argument(
        "--port",
        type=_port,
        default=8787,
        help="port to listen on, 0 for any free port; default: %(default)s",
    )
    command.add_argument(
        "--key",
        action="append",
        type=_word,
        help=f"an API key to accept; repeatable; default: {DEFAULT_KEY}",
    )
    command.add_argument(
        "--behaviour",
        default="observed",
        metavar="NAME|FILE",
        help=f"a preset ({', '.join(PRESET_NAMES)}) or a JSON file; default: %(default)s",
    )
    command.add_argument(
        "--hostile",
        action="append",
        default=[],
        choices=HOSTILE,
        help="shapes: answers that are legal and inconvenient; faults: an error before each;"
        " repeatable",
    )
    command.add_argument(
        "--seed",
        type=int,
        default=0,
        help="what hostile answers and ids are drawn from; default: %(default)s",
    )
    command.add_argument(
        "--revision",
        metavar="NAME|FOLDER",
        help=f"a revision of the contract ({', '.join(revisions())}) or a folder that holds one;"
        f" default: {revisions()[-1]}",
    )
    command.add_argument(
        "--admin-token-env",
        metavar="NAME",
        help="the environment variable that holds the token for /__admin;"
        " required if other machines can reach the mock",
    )
    command.add_argument(
        "--state",
        metavar="FILE",
        help="start from a saved state; its accounts and behaviour replace --key and --behaviour",
    )
    lines = command.add_mutually_exclusive_group()
    lines.add_argument("--quiet", action="store_true", help="do not log requests")
    lines.add_argument("--log-json", action="store_true", help="log one JSON object per line")
    return parser


def _version() -> str:
    try:
        return version("rerank-contract")
    except PackageNotFoundError:
        return "(not installed)"


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 65535, not {text!r}")
    return int(text)


def _word(text: str) -> str:
    if not text.isascii() or not text.isprintable() or not text or " " in text:
        # The text may be a real key with a typo: the message does not repeat it.
        raise argparse.ArgumentTypeError("must be printable ASCII without spaces")
    return text


if __name__ == "__main__":
    main()
