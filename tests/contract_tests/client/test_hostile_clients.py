"""Whatever a client prints, sends or leaves behind, it costs one scenario and not the grading."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from contract_tests.client.grading import Attempt, grade
from contract_tests.client.processes import KEPT, run_process
from contract_tests.client.reading import DEPTH, read_json
from contract_tests.client.report import failures, line, write
from contract_tests.client.scenarios import scenarios
from contract_tests.contract import AnyJson
from tests.contract_tests.client.test_command import ROOT, client, graded
from tests.contract_tests.client.test_grading import entry

ENVIRONMENT = dict(os.environ)


def python(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def test_of_endless_output_the_end_is_kept() -> None:
    source = "import sys\nfor _ in range(300): sys.stdout.write('a' * 100_000)\nprint('\\nlast')"
    output = run_process(python(source), ENVIRONMENT, "", 60)
    assert len(output.printed) == KEPT
    assert output.printed.endswith("\nlast\n")
    assert not output.stopped


def test_of_endless_complaints_too_while_nothing_reads_the_task() -> None:
    source = "import sys\nfor _ in range(300): sys.stderr.write('a' * 100_000)"
    output = run_process(python(source), ENVIRONMENT, "a" * 1_000_000, 60)
    assert len(output.complained) == KEPT


@pytest.mark.slow
def test_who_keeps_the_pipe_is_not_waited_for(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    source = f"""
import subprocess, sys
kept = subprocess.Popen(["sleep", "600"], start_new_session=True)
open({str(note)!r}, "w").write(str(kept.pid))
print("last")
"""
    try:
        output = run_process(python(source), ENVIRONMENT, "", 60)
    finally:
        os.kill(int(note.read_text()), signal.SIGKILL)
    assert output == ("last\n", "", False)


def test_what_is_left_in_the_background_may_still_print() -> None:
    source = """
import os, time
if os.fork() == 0:
    time.sleep(0.2)
    print("late")
"""
    assert run_process(python(source), ENVIRONMENT, "", 60).printed == "late\n"


@pytest.mark.parametrize("opened", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [DEPTH + 1, 900, 100_000])
def test_json_that_is_nested_too_deeply_is_no_json(opened: str, depth: int) -> None:
    closed = "]" if opened == "[" else "}"
    with pytest.raises(ValueError, match=r"nested too deeply|Expecting"):
        read_json(opened * depth + "1" + closed * depth)


def test_numbers_that_no_double_holds_are_infinite() -> None:
    assert read_json("1" + "0" * 400) == float("inf")
    assert read_json("1" * 300) == int("1" * 300)


HOSTILE = {
    "a deep answer": """print('{"ranking": ' + '[' * 100_000 + ']' * 100_000 + '}')""",
    "a less deep answer": """print('{"ranking": ' + '[' * 900 + ']' * 900 + '}')""",
    "a score of 400 digits": """print('{"ranking": [0], "scores": [1' + '0' * 400 + ']}')""",
    "a score of 5000 digits": """print('{"ranking": [0], "scores": [1' + '0' * 5000 + ']}')""",
    "an index of 400 digits": """print('{"ranking": [1' + '0' * 400 + ']}')""",
    "a huge line": """print('{"ranking": [' + '0,' * 3_000_000 + '0]}')""",
    "a deep body": """
import os, urllib.request
head = {"Authorization": "Bearer " + os.environ["RERANK_API_KEY"]}
url = os.environ["RERANK_BASE_URL"] + "/rerank"
body = b"[" * 30_000 + b"]" * 30_000
try:
    urllib.request.urlopen(urllib.request.Request(url, body, head))
except OSError:
    print('{"error": {"message": "refused"}}')
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer_costs_its_scenario(tmp_path: Path, source: str) -> None:
    only = ["--only=sent.top_n", "--only=ranking.fewer", "--only=score.as_it_came"]
    command = client(tmp_path, source)
    rows = graded(tmp_path, *only, "--", *command)
    assert {row["grade"] for row in rows.values()} <= {"failed", "passed"}
    assert rows


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_the_mock_ends_with_its_grader_however_that_ends() -> None:
    command = [sys.executable, "-m", "contract_tests", "client", "--wait", "--only=sent.top_n"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        address = json.loads(process.stdout.readline())["base_url"]
        assert httpx.get(f"{address}/models").status_code == 401
        process.kill()
    with contextlib.suppress(httpx.TransportError):
        while httpx.get(f"{address}/models"):
            pass


#: What commands a terminal, turns the direction or, at the start of a line, commands a workflow.
COMMANDS = "\x1b[31mred\x07\u202ebidi\x9b31m\u200b\r\n::error::x"


@pytest.mark.parametrize(
    "answer", [{"error": {"message": COMMANDS}}, {"not_applicable": COMMANDS}, None], ids=str
)
def test_every_character_of_the_grades_shows(answer: AnyJson) -> None:
    scenario = scenarios()["refusal.key_as_string"]
    row = entry(scenario, path=f"/v1/{COMMANDS}", body=COMMANDS[-9:])
    one = grade(scenario, Attempt(answer, f"its last line: {COMMANDS}", [row]))
    told = [line(one), *failures([one], "again ID ."), *write([one]).splitlines()]
    assert all(text.isprintable() for text in told)
    assert not [text for text in told if text.lstrip().startswith("::")]
