"""The archive that grows: whole at each moment, like the journal, and without keys."""

import io
import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockserver.serving.growing import GrowingArchive
from mockserver.state.archive import archive
from mockserver.state.store import DEFAULT_KEY, State
from mockserver.version import installed
from tests.archives import complaints
from tests.mockserver.asking import HEADERS, ask, fields
from tests.mockserver.command.commands import serving


def unread(_: str) -> None:
    pytest.fail("nothing was to be complained of")


def read(path: Path) -> list[Any]:
    whole = json.loads(path.read_bytes())
    assert complaints(whole) == []
    entries: list[Any] = whole["log"]["entries"]
    return entries


def test_it_is_whole_after_each_exchange_and_like_the_journal(tmp_path: Path) -> None:
    path, state = tmp_path / "run.har", State()
    for name in ("run.har", "run.har.partial-0", "run.har.partial-1"):
        (tmp_path / name).write_text("of a mock that was killed", "utf-8")
    growing = GrowingArchive(path, unread)
    state.journal.listener = growing.add
    entries = read(path)
    assert entries == []
    for count in range(1, 4):
        ask(state, fields(query=f"{DEFAULT_KEY} \u00fc", top_n=count))
        entries = read(path)
        assert len(entries) == count
    journal = json.loads(json.dumps(archive(state.journal, installed())))
    assert json.loads(path.read_bytes()) == journal
    assert DEFAULT_KEY not in path.read_text("utf-8")
    growing.close()
    ask(state, fields())
    assert read(path) == entries
    assert [file.name for file in tmp_path.iterdir()] == ["run.har"]


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is not a plain file"):
        GrowingArchive(tmp_path / "pipe", unread)
    assert (tmp_path / "pipe").is_fifo()


class FullDisk(io.FileIO):
    """A file that cannot become longer than a limit, and takes a few bytes at a time."""

    limit = 1_000_000

    def write(self, text: memoryview) -> int:  # type: ignore[override]
        room = min(self.limit - self.tell(), 50)
        if room <= 0:
            raise OSError(28, "No space left on device")
        return super().write(text[:room])


def test_a_full_disk_leaves_a_file_that_opens_and_is_complained_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, state, said = tmp_path / "run.har", State(), list[str]()
    disks: list[FullDisk] = []

    usual: Any = Path.open

    def opened(file: Path, *how: object, **more: object) -> object:
        if not file.name.startswith(path.name):
            return usual(file, *how, **more)
        disks.append(FullDisk(file, "wb"))
        return disks[-1]

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", opened)
        growing = GrowingArchive(path, said.append)
    state.journal.listener = growing.add
    ask(state, fields())
    for disk in disks:
        disk.limit = path.stat().st_size + 200
    ask(state, fields())
    for disk in disks:
        disk.limit *= 10
    ask(state, fields())
    assert len(read(path)) == 1
    assert said == [f"{path} has no more exchanges: No space left on device"]
    growing.close()


@pytest.mark.slow
def test_a_mock_that_is_killed_leaves_a_file_that_opens(tmp_path: Path) -> None:
    path = tmp_path / "run.har"
    with serving("--quiet", "--har", str(path)) as (process, base_url):
        for _ in range(3):
            httpx.post(f"{base_url}/rerank", json=fields(), headers=HEADERS)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert len(read(path)) == 3
