"""What a user may name as a file: nothing is read without end, or waited for without reason."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.behaviour import BehaviourError, load_behaviour
from mockserver.contract import ContractError, load_contract
from mockserver.files import FileError, read_file
from mockserver.state.pins import PinError, load_pins
from mockserver.state.store import State
from mockserver.validation import InputError
from tests.mockserver.asking import REVISION
from tests.mockserver.command.commands import status_of

TEXT = "sk-a\r\nsk-b\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_of_an_editor_is_read_whatever_its_mark(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "file").write_bytes(TEXT.encode(encoding))
    assert read_file(tmp_path / "file") == TEXT.encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (TEXT.encode("utf-16-le"), "is not text in UTF-8: it has NUL characters, as UTF-16 has"),
        (TEXT.encode("utf-32"), "is not text in UTF-8"),
        ("sk-ü".encode("latin-1"), "is not text in UTF-8"),
        (b"\xff\xfea", "is not text in UTF-8"),
        (b"a" * (2**20 + 1), "is longer than 1 MiB"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_file(tmp_path / "file", 2**20)
    assert str(caught.value) == reason


def test_a_pipe_is_read_until_its_writer_closes_it(tmp_path: Path) -> None:
    os.mkfifo(path := tmp_path / "pipe")
    with pytest.raises(FileError) as caught:
        read_file(path)
    assert str(caught.value) == "is a pipe that no process writes to"
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)

    def write() -> None:
        os.write(writer, b"sk-a")
        os.close(writer)

    late = threading.Timer(0.01, write)
    late.start()
    assert read_file(path) == b"sk-a"
    late.join()
    os.close(reader)


def folder(path: Path) -> None:
    path.mkdir()


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def long_text(path: Path) -> None:
    path.write_text('"' + "x" * 5_000_000 + '"', encoding="utf-8")


def long_name(path: Path) -> None:
    path.write_text('{"' + "x" * 5_000_000 + '": 1}', encoding="utf-8")


def many_values(path: Path) -> None:
    path.write_text("[" + "1," * 4_000_000 + "1]", encoding="utf-8")


def revision_of(path: Path) -> None:
    (folder := path.parent / "revision").mkdir()
    for file in REVISION.iterdir():
        (folder / file.name).symlink_to(path if file.name == "models.json" else file)
    load_contract(folder)


#: Everything that reads a file of the user, and its error.
READERS: dict[str, tuple[Callable[[Path], object], type[ValueError]]] = {
    "behaviour": (lambda path: load_behaviour(str(path)), BehaviourError),
    "state": (lambda path: State().load(path), InputError),
    "pins": (load_pins, PinError),
    "revision": (revision_of, ContractError),
}


@pytest.mark.parametrize("make", [folder, os.mkfifo, endless, long_text, long_name])
@pytest.mark.parametrize("reader", READERS)
def test_a_strange_file_is_one_short_sentence(
    tmp_path: Path, make: Callable[[Path], object], reader: str
) -> None:
    read, kind = READERS[reader]
    make(tmp_path / "file")
    with pytest.raises(kind) as caught:
        read(tmp_path / "file")
    assert "x" * 400 not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("make", [folder, os.mkfifo, endless, long_text, long_name])
def test_so_it_is_of_a_key_file(
    tmp_path: Path, make: Callable[[Path], object], capfd: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "file")
    assert status_of("serve", "--key-file", str(tmp_path / "file")) == 2
    complaint = capfd.readouterr().err
    assert complaint.startswith(f"rerank-mock: {tmp_path / 'file'}: ")
    assert len(complaint) < 1000


def test_a_value_that_is_too_long_to_show_is_left_out_of_the_reason(tmp_path: Path) -> None:
    long_text(path := tmp_path / "file")
    with pytest.raises(PinError) as caught:
        load_pins(path)
    assert str(caught.value) == f'{path}: the value is not of type "array"'


def test_a_file_has_a_bounded_number_of_values(tmp_path: Path) -> None:
    many_values(path := tmp_path / "file")
    with pytest.raises(PinError, match="has more than 4,000,000 values"):
        load_pins(path)
