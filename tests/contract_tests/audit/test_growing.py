"""`rerank-contract audit --follow FILE`: an archive is judged while it is written."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from contract_tests.audit import command, growing
from contract_tests.audit.following import PAUSE
from contract_tests.audit.growing import GrowingArchive
from contract_tests.audit.recordings import RecordingError, Tally
from contract_tests.contract import AnyJson
from contract_tests.recording import Archive
from mockserver.serving.growing import GrowingArchive as MockArchive
from mockserver.state.store import State
from tests.contract_tests.audit.archiving import archive, entry, written
from tests.contract_tests.audit.test_command import InThisProcess
from tests.mockserver.asking import ask, fields


def nothing() -> None:
    pass


class Turns:
    """What happens between two looks at the file; then comes Ctrl-C."""

    def __init__(self, *turns: Callable[[], object]) -> None:
        self._turns = iter(turns)

    def __call__(self, seconds: float) -> None:
        assert seconds == PAUSE
        turn = next(self._turns, None)
        if turn is None:
            raise KeyboardInterrupt
        turn()


def followed(path: Path, *turns: Callable[[], object]) -> list[list[str]]:
    """Follow until Ctrl-C or the end; return the places of what was read at each look."""
    looks: list[list[str]] = []
    try:
        for new in GrowingArchive(path, Turns(*turns)).read(Tally()):
            places = [recorded.place.rpartition(" ")[2] for recorded in new]
            looks.append(places)
    except KeyboardInterrupt:
        looks.append(["Ctrl-C"])
    return looks


def text(*entries: AnyJson) -> str:
    return json.dumps(archive(entries))


def test_what_is_added_is_read_once_and_it_ends_when_the_writer_closes(tmp_path: Path) -> None:
    path = tmp_path / "run.har"
    writer = Archive(path)
    writer.add(entry(number=1))

    def add_two() -> None:
        writer.add(entry(number=2))
        writer.add(entry(number=3))

    def add_and_close() -> None:
        writer.add(entry(number=4))
        writer.close()

    looks = followed(
        path,
        add_two,
        nothing,
        add_and_close,
    )
    assert looks == [["1"], ["2", "3"], [], ["4"]]


def test_the_archive_of_a_proxy_is_followed_until_that_ends(tmp_path: Path) -> None:
    path, state = tmp_path / "run.har", State()
    writer = MockArchive(path, pytest.fail)
    state.journal.listener = writer.add

    def add_and_close() -> None:
        ask(state, fields(top_n=2))
        writer.close()

    looks = followed(path, lambda: ask(state, fields()), nothing, add_and_close)
    assert looks == [[], ["1"], [], ["2"]]


@pytest.mark.parametrize("cut", [1, 30, 400, -30, -4, -1])
def test_a_last_entry_that_is_cut_is_read_when_it_is_whole(cut: int, tmp_path: Path) -> None:
    path, whole = tmp_path / "run.har", text(entry(number=1), entry(body={"query": "ä€"}, number=2))
    path.write_text(whole[:cut], "utf-8")
    looks = followed(path, lambda: path.write_text(whole, "utf-8"))
    assert [place for look in looks for place in look] == ["1", "2", "Ctrl-C"]


def test_bytes_and_not_characters_are_counted(tmp_path: Path) -> None:
    entries = [entry(body={"query": f"ä€😀{number}"}, number=number) for number in range(1, 6)]
    texts = [
        json.dumps(archive(entries[:count]), ensure_ascii=False).encode() for count in range(6)
    ]
    path = tmp_path / "run.har"
    path.write_bytes(b"\xef\xbb\xbf" + texts[1])
    turns = [lambda new=new: path.write_bytes(b"\xef\xbb\xbf" + new) for new in texts[2:]]
    assert followed(path, *turns) == [["1"], ["2"], ["3"], ["4"], ["5"], ["Ctrl-C"]]


def test_a_long_archive_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "MOST", 2)
    path = written(tmp_path, *(entry(number=number) for number in range(1, 6)))
    assert followed(path) == [["1", "2"], ["3", "4"], ["5"], ["Ctrl-C"]]


def replace_by_another(path: Path) -> None:
    path.write_text(text(entry(body={"query": "another"}), entry(), entry()), "utf-8")


def cut(path: Path) -> None:
    path.write_bytes(b"")


def remove_brace(path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace("}]}}", "} nonsense"), "utf-8")


@pytest.mark.parametrize(
    ("turn", "trouble"),
    [
        (replace_by_another, "was replaced or cut while it was followed after entry 1"),
        (cut, "was replaced or cut while it was followed after"),
        (Path.unlink, "cannot be read: No such file or directory"),
        (remove_brace, "is not JSON: expected ',', found 'n' after entry 1"),
    ],
)
def test_a_file_that_is_no_longer_the_same_ends_it(
    turn: Callable[[Path], object], trouble: str, tmp_path: Path
) -> None:
    path = written(tmp_path, entry())
    with pytest.raises(RecordingError) as raised:
        followed(path, lambda: turn(path))
    assert str(raised.value).startswith(f"{path} {trouble}")


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        ("interactions:\n- a", "is not JSON: expected '{', found 'i' .line 1, column 1"),
        ('{"log": {\n"entries": [tru, 1]}}', "is not JSON: Expecting value .line 2, column 13"),
        ('{"log": {"pages": []}}', "has no array log.entries"),
        ('{"log": {"entries": [' + "[" * 100_000, "is nested too deeply"),
    ],
)
def test_what_is_no_archive_is_said_to_be_none(content: str, trouble: str, tmp_path: Path) -> None:
    path = tmp_path / "run.har"
    path.write_text(content, "utf-8")
    with pytest.raises(RecordingError, match=trouble):
        followed(path)


def test_entries_before_an_error_are_judged(tmp_path: Path) -> None:
    path = written(tmp_path, entry(), entry())
    path.write_text(path.read_text("utf-8").replace("}]}}", "}, tru]}}"), "utf-8")
    read = GrowingArchive(path, lambda _: None).read(Tally())
    assert len(next(read)) == 2
    with pytest.raises(RecordingError, match="is not JSON: Expecting value after entry 2"):
        next(read)


def test_a_pipe_is_refused_before_it_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(SystemExit, match="2"):
        main(["audit", "--follow", str(path)])
    assert "or an HTTP archive that exists, not " in capsys.readouterr().err


def test_the_report_is_that_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong: Sequence[AnyJson] = [entry(number=1), entry(answer={"results": 1}, number=2)]
    path, report = written(tmp_path, *wrong), tmp_path / "report.json"

    def of_path(path: Path) -> GrowingArchive:
        return GrowingArchive(path, Turns())

    monkeypatch.setattr(command, "Mock", InThisProcess)
    monkeypatch.setattr(command, "GrowingArchive", of_path)
    assert main(["audit", "--follow", str(path), f"--report-json={report}"]) == 1
    found = json.loads(report.read_text("utf-8"))["audit"]
    assert (found["files"], found["entries"], found["judged"]) == ([str(path)], 2, 2)
    printed = capsys.readouterr().out
    assert printed.startswith("FAILED response.results.type ")
    assert "2 entries in 1 file, 2 judged" in printed
