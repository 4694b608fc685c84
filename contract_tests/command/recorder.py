"""Records what a run of pytest sends, where `--har` asks for it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ..recording import Archive, RecordedTarget
from ..targets import Target

ARCHIVE = pytest.StashKey[Archive]()


def begin(config: pytest.Config) -> None:
    """Open the archive, if one is asked for."""
    path: Path | None = config.option.har
    if path and not config.option.collectonly:
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


def end(config: pytest.Config) -> list[str]:
    """Close the archive; the line about what it lacks."""
    archive = config.stash.get(ARCHIVE, None)
    if archive is None:
        return []
    del config.stash[ARCHIVE]
    lacking = archive.close()
    return [f"--har: {config.option.har}: {lacking}"] if lacking else []
