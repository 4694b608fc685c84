"""Options from the command line and from the environment."""

import argparse
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from ..validation import likely
from ..version import installed

#: How the names of variables begin: `RERANK_MOCK_PORT` stands for `--port`.
PREFIX = "RERANK_MOCK_"

#: What a variable may say for an option that takes no value.
_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


#: The most processes that serve.
MOST_WORKERS = 64


class CommandError(Exception):
    """The command cannot go on; the message says why."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        #: The exit code.
        self.status = status


class ShowVersion(argparse.Action):
    """Prints the version, which takes too long to find for every start."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print it, and exit."""
        print(f"{parser.prog} {installed()}")
        parser.exit()


class Parser(argparse.ArgumentParser):
    """Keeps only the options that are given, and says what was probably meant by a wrong one."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - argparse's own
        # An abbreviation may be a typo: `--api-key` would be that of the name of a variable.
        super().__init__(argument_default=argparse.SUPPRESS, allow_abbrev=False, **options)
        #: The variable whose value is being parsed, if it is one.
        self._variable = ""

    def error(self, message: str) -> NoReturn:
        """Raise `CommandError`."""
        wrong = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        meant = likely(wrong[1], re.findall(r"[^', ]+", wrong[2])) if wrong else ""
        if self._variable:
            # The message names an option, which nobody has given.
            message = f"{self._variable}: {re.sub('^argument --.*?: ', '', message)}"
        raise CommandError(message + meant)

    def refuse(self, words: Sequence[str], known: Iterable[str] = ()) -> NoReturn:
        """Refuse words that are neither options nor else understood. Raises `CommandError`.

        `known` has what could have been meant besides the options.
        """
        # Not what follows an option: it may be a key.
        wrong = [word.partition("=")[0] for word in words if word.startswith("-")] or words
        bare = {name.lstrip("-"): name for name in (*self.names, *known)}
        # Without the dashes, which make all options resemble each other.
        close = get_close_matches(wrong[0].lstrip("-").casefold(), bare, n=1)
        hint = f"; did you mean {bare[close[0]]!r}?" if close else f"; see {self.prog} --help"
        self.error(f"unrecognized arguments: {' '.join(wrong)}{hint}")

    def variables(
        self, environment: Mapping[str, str], options: Collection[str] | None = None
    ) -> dict[str, Any]:
        """Return the options in the environment, by name. Raises `CommandError`.

        `options` names those that are looked for; by default all.
        """
        found: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for option, action in self._options.items():
            if options is not None and option not in options:
                continue
            self._variable = variable_of(option)
            # An empty variable is one that is not set.
            if value := environment.get(self._variable, ""):
                given = vars(self.parse_args(self._words(option, action, value)))
                for name in given.keys() & found.keys():
                    self.error(f"not allowed with {origins[name]}")
                found |= given
                origins |= dict.fromkeys(given, self._variable)
        self._variable = ""
        return found

    @property
    def names(self) -> list[str]:
        """The names of all options."""
        return [name for action in self._actions for name in action.option_strings]

    @property
    def known_variables(self) -> list[str]:
        """The names of all variables that stand for an option."""
        return [variable_of(option) for option in self._options]

    def _words(self, option: str, action: argparse.Action, value: str) -> list[str]:
        if action.nargs == "+":
            return [option, *value.split()]
        if action.nargs != 0:
            return [f"{option}={value}"]
        if value.lower() not in _FLAGS:
            self.error(f"must be 1 or 0, not {value!r}")
        return [option] if _FLAGS[value.lower()] else []

    @property
    def _options(self) -> dict[str, argparse.Action]:
        named = [action for action in self._actions if action.option_strings]
        return {action.option_strings[-1]: action for action in named if action.dest != "help"}


def variable_of(option: str) -> str:
    """Return the name of the variable that stands for an option."""
    return PREFIX + option.removeprefix("--").replace("-", "_").upper()


def warnings_about(environment: Iterable[str], known: Sequence[str]) -> Iterator[str]:
    """Yield a warning for each variable that is probably a misspelt one of the known.

    Others may have variables with our prefix too: what resembles none is not reported.
    """
    names = [name.removeprefix(PREFIX) for name in known]
    for found in sorted({*environment} - {*known}):
        close = get_close_matches(found.removeprefix(PREFIX), names, n=1)
        if found.startswith(PREFIX) and close:
            yield f"{found} has no effect; did you mean {PREFIX}{close[0]}?"


def variable(text: str) -> str:
    """Return the name of a variable. Raises `ArgumentTypeError`."""
    if not re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII):
        # The message does not repeat what may be the secret itself.
        raise argparse.ArgumentTypeError("must be the name of an environment variable")
    return text


def word(text: str) -> str:
    """Return a text that a header can carry. Raises `ArgumentTypeError`."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    if not text.isascii() or not text.isprintable() or " " in text:
        # The text may be a real key with a typo: the message does not repeat it.
        raise argparse.ArgumentTypeError("must be printable ASCII without spaces")
    return text


def whole_number(text: str) -> int:
    """Return a whole number. Raises `ArgumentTypeError`."""
    if not re.fullmatch(r"-?[0-9]{1,100}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}")
    return int(text)


def count(text: str) -> int:
    """Return a number of processes. Raises `ArgumentTypeError`."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {MOST_WORKERS}, not {text!r}")
    return int(text)


def port(text: str) -> int:
    """Return the number of a port. Raises `ArgumentTypeError`."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 65535, not {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """Return a length of time. Raises `ArgumentTypeError`."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 86400:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 86400, not {text!r}")
    return value
