"""The command `rerank-contract diff`: compares two of a kind, which their content says."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from ..audit.json_array import JsonArray, JsonError
from ..checks.violations import printable
from ..contract import RevisionError, load_contract
from ..contract import revisions as shipped
from ..redaction import blot_unknown
from . import observations, recordings, reports, revisions
from .model import Comparison, DiffError, Kind
from .reading import ONE, read
from .writers import WRITERS

#: Member of a JSON file -> what such a file is. What stands first decides.
_TELLING = {
    "observed": Kind.OBSERVATIONS,
    "verdict": Kind.REPORTS,
    "log": Kind.RECORDINGS,
    "entries": Kind.RECORDINGS,
    "interactions": Kind.RECORDINGS,
    "http_interactions": Kind.RECORDINGS,
}


def declare(add: Callable[..., object]) -> None:
    """Declare the options."""
    for name in ("old", "new"):
        add(
            name,
            metavar=name.upper(),
            help="a revision or its folder, a file of `observe`, a report of `check` or `audit` as "
            "JSON, or recorded traffic as `audit` reads it",
        )
    for name in ("json", "markdown"):
        shown = "JSON" if name == "json" else "Markdown"
        add(
            f"--{name}",
            dest="form",
            action="store_const",
            const=name,
            default="text",
            help=f"print {shown}",
        )


def main(options: argparse.Namespace) -> int:
    """Compare; return 0, 1 a change breaks clients, 2 usage, 3 nothing could be compared."""
    try:
        comparison = compare(options.old, options.new)
    except (DiffError, RevisionError) as error:
        print(printable(blot_unknown(f"rerank-contract diff: error: {error}")), file=sys.stderr)
        return 2
    print(WRITERS[options.form](comparison))
    if not comparison.compared:
        return 3
    return int(comparison.breaks_clients)


def compare(old: str, new: str) -> Comparison:
    """Compare two of a kind. Raises `DiffError` and `RevisionError`."""
    names = old, new
    kinds = [_kind(name) for name in names]
    if kinds[0] is not kinds[1]:
        for name, kind in zip(names, kinds, strict=True):
            if kind is Kind.REVISIONS and not Path(name).exists() and name not in shipped():
                raise DiffError(f"there is no file {name}")
        both = " and ".join(
            f"{name} is {ONE[kind]}" for name, kind in zip(names, kinds, strict=True)
        )
        raise DiffError(f"{both}: compare two of a kind")
    if kinds[0] is Kind.REVISIONS:
        return revisions.compare(names, load_contract(old), load_contract(new))
    if kinds[0] is Kind.RECORDINGS:
        return recordings.compare(Path(old), Path(new))
    if kinds[0] is Kind.REPORTS:
        return reports.compare(names, *(read(Path(name), kinds[0]) for name in names))
    return observations.compare(names, *(read(Path(name), kinds[0]) for name in names))


def _kind(name: str) -> Kind:
    path = Path(name)
    if not path.is_file():
        if path.exists() and not path.is_dir():
            raise DiffError(f"{path} is not a plain file")
        return Kind.REVISIONS
    try:
        with path.open("rb") as file:
            sign = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
            if not sign:
                raise DiffError(f"{path} is empty")
            if sign != b"{":
                # An array of recorded exchanges, or a cassette in YAML.
                return Kind.RECORDINGS
            file.seek(0)
            for member in JsonArray(file, lambda _: None).names():
                if member in _TELLING:
                    return _TELLING[member]
    except OSError as error:
        raise DiffError(f"{path} cannot be read: {error.strerror}") from None
    except JsonError as error:
        raise DiffError(f"{path} {error}") from None
    raise DiffError(f"{path} is no file of `observe`, `check` or `audit`, and no recording")
