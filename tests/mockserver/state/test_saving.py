"""A state file holds the old state or the new one, whole, whatever happens while it is written."""

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.state.snapshots import StateError
from mockserver.state.store import State
from tests.mockserver.asking import ask, fields

ROOT = Path(__file__).parents[3]

SAVE_FOR_EVER = """
import sys
from mockserver.state.store import State
states = [State(), State()]
for number in range(2000):
    states[1].open_account(f"sk-{number}")
print("ready", flush=True)
while True:
    for state in states:
        state.save(sys.argv[1])
"""


@pytest.mark.memory
@pytest.mark.slow
def test_a_process_that_is_killed_while_it_saves_leaves_a_state(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    State().save(path)
    sizes: set[int] = set()
    for number in range(20):
        command = [sys.executable, "-c", SAVE_FOR_EVER, str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            # A little later each time, so that each part of saving is met by some kill.
            for _ in range(number * 50):
                path.stat()
            process.kill()
        State().load(path)
        sizes.add(path.stat().st_size)
    assert len(sizes) <= 2


def interrupted(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"mockserver.state.snapshots.{step}", fail)


@pytest.mark.parametrize("step", ["os.fsync", "Path.replace", "shutil.copymode"])
def test_a_disk_that_fails_leaves_the_old_state_and_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "state.json"
    State(seed=1).save(path)
    before = path.read_bytes()
    interrupted(step, monkeypatch)
    with pytest.raises(StateError, match=r"state.json: cannot be written: No space left"):
        State(seed=2).save(path)
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]


def test_a_state_is_on_the_disk_before_it_takes_the_place_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    State(seed=1).save(path)
    order: list[str] = []

    def watched(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            order.append(name)
            return real(*arguments)

        return call

    monkeypatch.setattr(os, "fsync", watched("fsync", os.fsync))
    monkeypatch.setattr(Path, "replace", watched("replace", Path.replace))
    State(seed=2).save(path)
    assert order == ["fsync", "replace"]
    assert json.loads(path.read_bytes())["ids"]["seed"] == 2


def test_a_file_keeps_its_permissions_and_a_new_one_has_the_usual(tmp_path: Path) -> None:
    path, usual = tmp_path / "state.json", tmp_path / "usual"
    usual.touch()
    State().save(path)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)
    path.chmod(0o600)
    State().save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_keeps_leading_to_its_file(tmp_path: Path) -> None:
    path, link = tmp_path / "folder" / "state.json", tmp_path / "link.json"
    path.parent.mkdir()
    link.symlink_to(path)
    State(seed=3).save(link)
    assert link.is_symlink()
    assert json.loads(path.read_bytes())["ids"]["seed"] == 3


def test_a_pipe_is_written_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    State(seed=4).save(pipe)
    reader.join()
    assert json.loads(received[0])["ids"]["seed"] == 4
    assert pipe.is_fifo()


def test_threads_that_save_to_one_file_leave_one_of_their_states(tmp_path: Path) -> None:
    path, state = tmp_path / "state.json", State()
    ask(state, fields())
    threads = [threading.Thread(target=state.save, args=[path]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    State().load(path)
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("a\0b", 0),
        ("loop", 0),
        pytest.param("state.json", 2**70, marks=pytest.mark.memory),
        ("x" * 300, 0),
    ],
)
def test_what_cannot_be_written_is_named(tmp_path: Path, name: str, seed: int) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(StateError, match=r"cannot be written: ."):
        State(seed=seed).save(tmp_path / name)


def test_a_name_may_be_as_long_as_the_file_system_takes(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    State().save(path)
    State().load(path)
