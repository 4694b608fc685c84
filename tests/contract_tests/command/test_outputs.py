"""The files of a run: what cannot be written is said before the first request, or at the end."""

import argparse
import os
from datetime import date
from pathlib import Path

import pytest

from contract_tests.command.options import declare, problem
from contract_tests.command.outputs import outputs, write_outputs
from contract_tests.report.writers import write_file
from tests.contract_tests.report import samples

TODAY = date(2026, 7, 1)


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    declare(parser.add_argument)
    return parser.parse_args(words)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "b.json").write_text('{"version": 1, "deviations": []}')
    (tmp_path / "c.json").write_text("{}")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--report-json=folder"], "--report-json: folder is a folder; name a file in it"),
        (["--har=/dev/null"], "--har: /dev/null is no plain file, which an archive that grows"),
        (["--report-json=loop"], "--report-json: loop cannot be written: "),
        (["--badge-svg=no/x"], "--badge-svg: the folder no does not exist"),
        (
            ["--report-html=a", "--report-junit=./a"],
            "--report-junit: a is the file of --report-html",
        ),
        (
            ["--report-html=summary.md", "--github"],
            "$GITHUB_STEP_SUMMARY: summary.md is the file of",
        ),
        (
            ["--baseline=b.json", "--report-json=b.json"],
            "b.json is the file of --baseline too",
        ),
        (
            ["--capabilities=c.json", "--write-baseline=c.json"],
            "is the file of --capabilities",
        ),
    ],
)
def test_what_cannot_be_written_is_said_at_once(words: list[str], said: str) -> None:
    assert said in str(problem(options(*words)))


def test_a_file_is_no_folder() -> None:
    said = str(problem(options("--report-json=file/x")))
    assert said.startswith("--report-json: file/x cannot be written, as ")
    assert said.endswith("file is a file and no folder")


@pytest.mark.parametrize(
    "words",
    [
        ["--report-json=a", "--report-html=b", "--github"],
        ["--baseline=b.json", "--write-baseline=b.json"],
        [f"--report-json={os.devnull}", f"--report-html={os.devnull}"],
    ],
)
def test_each_file_may_be_written_once_and_a_device_as_often_as_one_likes(words: list[str]) -> None:
    assert problem(options(*words)) is None


def test_all_that_is_asked_for_is_written() -> None:
    asked = options("--report-json=a.json", "--write-baseline=b.json", "--github")
    assert list(write_outputs(outputs(asked), samples.VIOLATING, TODAY)) == []
    assert sorted(path.name for path in Path().iterdir()) == [
        *("a.json", "b.json", "c.json", "file", "folder", "loop", "summary.md"),
    ]
    assert list(outputs(asked)) == ["--write-baseline", "--report-json", "$GITHUB_STEP_SUMMARY"]


def test_what_cannot_be_written_at_the_end_is_said_and_the_rest_is_written() -> None:
    asked = options("--report-json=folder", "--report-html=a.html")
    (said,) = write_outputs(outputs(asked), samples.VIOLATING, TODAY)
    assert said == "--report-json: folder cannot be written: Is a directory"
    assert Path("a.html").exists()
    assert not list(Path().glob("*.partial"))


def test_no_file_takes_the_place_of_a_pipe() -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_file(Path("pipe"), "text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)
    assert Path("pipe").is_fifo()


def test_a_link_stays_a_link() -> None:
    Path("link").symlink_to("folder/there")
    write_file(Path("link"), "text")
    assert Path("link").is_symlink()
    assert Path("folder/there").read_text("utf-8") == "text"
