"""Files that a user names are read within bounds, and refused in one sentence."""

import json
import os
import threading
from pathlib import Path

import pytest

from contract_tests import files
from contract_tests.contract import AnyJson
from contract_tests.files import read_json


class FileError(ValueError):
    """A file that cannot be read."""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_of_an_editor_is_read_whatever_its_mark(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes('{"a": "caf\u00e9"}'.encode(encoding))
    assert read_json(path, FileError) == {"a": "caf\u00e9"}


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"", "is not JSON in UTF-8: Expecting value: line 1 column 1 (char 0)"),
        (b"\0", "is not JSON in UTF-8: Expecting value: line 1 column 1 (char 0)"),
        (b"[1e5, Infinity]", "is not JSON in UTF-8: Infinity is no number of it"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"a": 1, "b": {"a": 1, "c": 2, "c": 3}}', "has the key c twice"),
        (b" " * 1_000_001, "is longer than 1 MB"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(content: bytes, trouble: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(FileError) as raised:
        read_json(path, FileError)
    assert str(raised.value) == f"{path} {trouble}"


@pytest.mark.parametrize(
    ("number", "value"),
    [("1" * 19, int("1" * 19)), ("1" + "0" * 30, 1e30), ("-1" + "0" * 5000, -float("inf"))],
)
def test_a_number_of_any_length_is_read(number: str, value: AnyJson, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(number, "utf-8")
    assert read_json(path, FileError) == value


def test_a_pipe_is_read_if_a_process_writes_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0.0)
    os.mkfifo(path := tmp_path / "pipe")
    with pytest.raises(FileError) as raised:
        read_json(path, FileError)
    assert str(raised.value) == f"{path} is a pipe that no process writes to"
    monkeypatch.setattr(files, "PATIENCE", 30.0)
    writer = threading.Thread(target=path.write_text, args=(json.dumps({"a": [1] * 99_999}),))
    writer.start()
    assert len(read_json(path, FileError)["a"]) == 99_999
    writer.join()
