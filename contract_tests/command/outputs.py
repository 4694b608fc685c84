"""The files that a run writes: whether they can be written, and writing them."""

import argparse
import errno
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path

from ..report.baseline import to_text
from ..report.github import SUMMARY, summarize, summary_file
from ..report.model import Report
from ..report.writers import WRITERS, save, write_file

_SUMMARY, _BASELINE = f"${SUMMARY}", "--write-baseline"


def files(options: argparse.Namespace) -> dict[str, Path]:
    """Option of a writer -> the file that it is asked for in."""
    paths = {f"--{name}": getattr(options, name.replace("-", "_")) for name in WRITERS}
    return {name: path for name, path in paths.items() if path is not None}


def outputs(options: argparse.Namespace) -> dict[str, Path]:
    """What names a file that is to be written, such as an option -> the file."""
    paths = {
        _BASELINE: options.write_baseline,
        **files(options),
        _SUMMARY: summary_file() if options.github else None,
    }
    return {name: path for name, path in paths.items() if path is not None}


def output_problems(
    written: Mapping[str, Path | None], read: Mapping[str, Path | None] | None = None
) -> Iterator[str]:
    """Why files cannot be written; the keys name them, such as an option.

    None may be the file of two, unless it is no plain file, such as `/dev/null`. A baseline that is
    read may be brought up to date.
    """
    owners: dict[Path, str] = {}
    for name, path in {**(read or {}), **written}.items():
        if path is None:
            continue
        if name in written:
            yield from _file_problems(name, path)
        if path.exists() and not path.is_file():
            continue
        owner = owners.setdefault(_real(path), name)
        if owner != name and name in written and (owner, name) != ("--baseline", _BASELINE):
            yield f"{name}: {path} is the file of {owner} too; name another"


def _file_problems(name: str, path: Path) -> Iterator[str]:
    """Why no file can be written at `path`, which is the value of `name`."""
    folder = (path if path.exists() else _real(path)).absolute().parent
    if _real(path).is_symlink():
        yield f"{name}: {path} cannot be written: {os.strerror(errno.ELOOP)}"
    elif path.is_dir():
        yield f"{name}: {path} is a folder; name a file in it"
    elif name == "--har" and path.exists() and not path.is_file():
        yield f"{name}: {path} is no plain file, which an archive that grows must be"
    elif folder.exists() and not folder.is_dir():
        yield f"{name}: {path} cannot be written, as {folder} is a file and no folder"
    elif not folder.is_dir():
        yield f"{name}: the folder {path.parent} does not exist"
    elif not os.access(path if path.exists() and not path.is_file() else folder, os.W_OK):
        yield f"{name}: {path} cannot be written: {os.strerror(errno.EACCES)}"


def _real(path: Path) -> Path:
    """Follow the symbolic links of a path; in a loop the result is one of them."""
    # `Path.resolve` raises in a loop, before CPython 3.13.
    return Path(os.path.realpath(path))


def write_outputs(paths: Mapping[str, Path], report: Report, today: date) -> Iterator[str]:
    """Write the files, by what names them; say which cannot be written."""
    for name, path in paths.items():
        trouble = _trouble(partial(_writer(name, report, today), path))
        if trouble:
            yield f"{name}: {path} cannot be written: {trouble}"


def _writer(name: str, report: Report, today: date) -> Callable[[Path], None]:
    if name == _SUMMARY:
        return partial(summarize, report)
    if name == _BASELINE:
        return partial(write_file, text=to_text(report.deviations(today)))
    return partial(save, report, name.removeprefix("--"))


def _trouble(write: Callable[[], None]) -> str | None:
    try:
        write()
    except OSError as error:
        return error.strerror
    return None
