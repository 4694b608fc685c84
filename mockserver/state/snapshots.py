"""Snapshots of a state as JSON: how they are checked, and read from and written to files."""

import errno
import os
import shutil
import threading
from collections.abc import Collection, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import orjson

from ..behaviour import read_behaviour
from ..contract import Contract
from ..scenarios.scenario import Scenario, check_errors
from ..validation import InputError, likely, read_json, within
from ..validation import check as check_value
from ..wire import Json
from .accounts import Account, Accounts
from .accounts import check as check_account

#: The most bytes of a snapshot in a file.
LONGEST = 128 * 1024 * 1024


class StateError(InputError):
    """An invalid snapshot: what is wrong, and where."""


def check_form(snapshot: Json) -> None:
    """Raise `StateError` unless `snapshot` keeps `schemas/files/state.json`."""
    check_value("state", snapshot, StateError)


def check_sense(snapshot: Mapping[str, Any], contract: Contract, accounts: Accounts) -> Accounts:
    """Raise `StateError` unless the parts, all of which are present, are consistent.

    `accounts` are none; returned are those of the snapshot.
    """
    with within("behaviour", kind=StateError):
        read_behaviour(snapshot["behaviour"], contract)
    models: dict[str, None] = {}
    for number, row in enumerate(snapshot["models"]):
        if row["id"] in models:
            reason = f"model {row['id']!r} already exists"
            raise StateError(reason, "models", number, "id")
        if row["form"] not in contract.forms:
            known = ", ".join(contract.forms)
            raise StateError(f"must be one of {known}", "models", number, "form")
        models[row["id"]] = None
    for number, row in enumerate(snapshot["planned_changes"]):
        _known("model", row["model"], models, "planned_changes", number, "model")
    for number, row in enumerate(snapshot["accounts"]):
        with within("accounts", number, kind=StateError):
            check_account(row, models)
            accounts.add(Account.from_json(row))
    for number, row in enumerate(snapshot["windows"]):
        _known("account", row["account"], accounts, "windows", number, "account")
    for number, row in enumerate(snapshot["scenarios"]["receipts"]):
        place = ("scenarios", "receipts", number)
        _known("account", row["account"], accounts, *place, "account")
        with within(*place, "scenario", kind=StateError):
            check_errors(contract, Scenario.from_json(row["scenario"]))
        if len(row["steps"]) != len(row["scenario"]["steps"]):
            raise StateError("must have one item for each step of the scenario", *place, "steps")
    entries = [0, *(entry["number"] for entry in snapshot["journal"]["entries"])]
    for number, (before, after) in enumerate(pairwise(entries)):
        if not before < after <= snapshot["journal"]["seen"]:
            reason = "must increase from entry to entry, up to `seen`"
            raise StateError(reason, "journal", "entries", number, "number")
    for name in snapshot["pins"]:
        _known("account", name, accounts, "pins")
    return accounts


def _known(kind: str, name: str, known: Collection[str], *way: str | int) -> None:
    if name not in known:
        raise StateError(f"there is no {kind} {name!r}{likely(name, list(known))}", *way)


def read_file(path: str | Path) -> dict[str, Any]:
    """Read a snapshot from a file. Raises `StateError`, which names the file."""
    snapshot = read_json(path, StateError, LONGEST)
    with within(source=path):
        check_form(snapshot)
    return cast("dict[str, Any]", snapshot)


def write_file(path: str | Path, snapshot: Mapping[str, Any]) -> None:
    """Write a snapshot to a file, indented. Raises `StateError`, which names the file.

    The file is replaced atomically: it always contains a complete snapshot, old or new.
    """
    try:
        content = orjson.dumps(snapshot, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        # A symbolic link stays one.
        target = Path(path).resolve()
        if target.is_symlink():
            # Before CPython 3.13 `resolve` refuses a loop itself.
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        _replace(target, content)
    except OSError as error:
        raise StateError(f"cannot be written: {error.strerror}", source=path) from None
    except (TypeError, ValueError, RuntimeError) as error:
        # A seed beyond 64 bits, a name with half a character, a path with a NUL, a loop of links.
        raise StateError(f"cannot be written: {error}", source=path) from None


def _replace(path: Path, content: bytes) -> None:
    """Write a new file beside `path`, and rename it once it is on the disk."""
    if path.exists() and not path.is_file():
        # A device or a pipe has no old content to protect.
        path.write_bytes(content)
        return
    # Not `tempfile`: only the owner could read its files.
    new = path.with_name(f".rerank-mock-{os.getpid()}-{threading.get_ident()}.new")
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
