"""Records what a run of pytest sends, where `--har` asks for it."""

import glob
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from ..recording import Archive, RecordedTarget
from ..targets import Target

ARCHIVE = pytest.StashKey[Archive]()


def begin(config: pytest.Config, worker: str) -> None:
    """Open the archive, if one is asked for; a worker has one of its own beside it."""
    path: Path | None = config.option.har
    if path and not config.option.collectonly:
        path = _part(path, worker) if worker else path
        try:
            config.stash[ARCHIVE] = Archive(path)
        except OSError as error:
            raise pytest.UsageError(f"--har: {path} cannot be written: {error.strerror}") from None


def recorded(
    config: pytest.Config, target: Target, test: str = "", requirements: Sequence[str] = ()
) -> Target:
    """The target, its exchanges recorded in the name of the test."""
    archive = config.stash.get(ARCHIVE, None)
    return RecordedTarget(target, archive, test, requirements) if archive else target


def join(config: pytest.Config, workers: Iterable[str]) -> None:
    """Take over what the workers have recorded, in the order in which it was sent."""
    archive = config.stash.get(ARCHIVE, None)
    if archive is None:
        return
    parts = [_part(config.option.har, worker) for worker in workers]
    recorded = [json.loads(part.read_bytes()) for part in parts if part.exists()]
    entries = [entry for each in recorded for entry in each["log"]["entries"]]
    for entry in sorted(entries, key=lambda entry: entry["startedDateTime"]):
        archive.add(entry)
    # A worker that has died leaves more than its archive.
    for part in parts:
        for file in part.parent.glob(f"{glob.escape(part.name)}*"):
            file.unlink()


def _part(path: Path, worker: str) -> Path:
    return path.with_name(f"{path.name}.{worker}")


def end(config: pytest.Config) -> list[str]:
    """Close the archive; the line about what it lacks."""
    archive = config.stash.get(ARCHIVE, None)
    if archive is None:
        return []
    del config.stash[ARCHIVE]
    lacking = archive.close()
    return [f"--har: {config.option.har}: {lacking}"] if lacking else []
