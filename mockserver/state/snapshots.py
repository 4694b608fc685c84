"""Snapshots of a state as JSON: what is wrong with one, and how it gets into a file and back."""

import os
import shutil
import threading
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import orjson

from ..behaviour import BehaviourError, read_behaviour
from ..scenarios.scenario import ScenarioError
from ..scenarios.scenario import check as check_scenario
from ..validation import first_problem, likely
from ..wire import Json, WireError, load
from .accounts import Account, AccountError, Accounts
from .accounts import check as check_account


class StateError(ValueError):
    """A snapshot that cannot be; the message says where and what is wrong."""


def check_form(snapshot: Json) -> None:
    """Raise `StateError` unless `snapshot` keeps `schemas/files/state.json`."""
    if wrong := first_problem("state", snapshot):
        raise StateError(wrong)


def check_sense(snapshot: Mapping[str, Any]) -> None:
    """Raise `StateError` unless the parts fit each other; each of them must be there."""
    with _at("$.behaviour: "):
        read_behaviour(snapshot["behaviour"])
    models: list[str] = []
    for number, row in enumerate(snapshot["models"]):
        if row["id"] in models:
            raise StateError(f"$.models[{number}].id: there is a model {row['id']!r} already")
        models.append(row["id"])
    for number, row in enumerate(snapshot["planned_changes"]):
        _known("model", row["model"], models, f"$.planned_changes[{number}].model")
    accounts = Accounts()
    for number, row in enumerate(snapshot["accounts"]):
        with _at(f"$.accounts[{number}]"):
            check_account(row, models)
            accounts.add(Account.from_json(row))
    for number, row in enumerate(snapshot["windows"]):
        _known("account", row["account"], accounts, f"$.windows[{number}].account")
    for number, row in enumerate(snapshot["scenarios"]["receipts"]):
        place = f"$.scenarios.receipts[{number}]"
        _known("account", row["account"], accounts, f"{place}.account")
        with _at(f"{place}.scenario"):
            check_scenario(row["scenario"])
        if len(row["steps"]) != len(row["scenario"]["steps"]):
            raise StateError(f"{place}.steps: must be as many as the steps of the scenario")
    entries = [0, *(entry["number"] for entry in snapshot["journal"]["entries"])]
    for number, (before, after) in enumerate(pairwise(entries)):
        if not before < after <= snapshot["journal"]["seen"]:
            reason = "must grow from entry to entry, up to `seen`"
            raise StateError(f"$.journal.entries[{number}].number: {reason}")
    for name in snapshot["pins"]:
        _known("account", name, accounts, "$.pins")


def _known(kind: str, name: str, known: Collection[str], place: str) -> None:
    if name not in known:
        raise StateError(f"{place}: there is no {kind} {name!r}{likely(name, list(known))}")


@contextmanager
def _at(place: str) -> Generator[None]:
    """Put the way to a part before what that part says of itself."""
    try:
        yield
    except (AccountError, BehaviourError, ScenarioError) as error:
        raise StateError(place + str(error).removeprefix("$")) from None


def read_file(path: str | Path) -> dict[str, Any]:
    """Read a snapshot that keeps its schema; raises `StateError`, which names the file."""
    try:
        snapshot = load(Path(path).read_bytes(), unique_keys=True)
        check_form(snapshot)
    except OSError as error:
        raise StateError(f"{path}: cannot be read: {error.strerror}") from None
    except (WireError, StateError) as error:
        raise StateError(f"{path}: {error}") from None
    return cast("dict[str, Any]", snapshot)


def write_file(path: str | Path, snapshot: Mapping[str, Any]) -> None:
    """Write a snapshot, for eyes too; raises `StateError`, which names the file.

    Whatever happens meanwhile, the file holds the old snapshot or the new one, whole.
    """
    content = orjson.dumps(snapshot, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    try:
        # A link keeps leading to its file.
        _replace(Path(path).resolve(), content)
    except OSError as error:
        raise StateError(f"{path}: cannot be written: {error.strerror}") from None


def _replace(path: Path, content: bytes) -> None:
    """Write a new file beside `path`, and put it in its place when it is on the disk."""
    if path.exists() and not path.is_file():
        # A device or a pipe, which holds no state that could be lost.
        path.write_bytes(content)
        return
    # No `tempfile`: its files are for their owner alone, and this one is as any other.
    new = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.new")
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
