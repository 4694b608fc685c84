"""A hostile target ends: as a violation or inconclusive, within the deadline and 200 MB.

Nothing is timed: without its bounds none of this would end, or fit into the memory there is.
"""

import base64
import html
import json
import os
import re
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import pytest

from contract_tests.exchanges import Answer, Request
from contract_tests.report.writers import WRITERS
from contract_tests.targets import KEPT, LONGEST, HttpTarget, UnreachableError
from contract_tests.transport import Route
from tests.contract_tests.conftest import KEY
from tests.contract_tests.hostile import (
    ENDLESS,
    HEAD,
    HEAVY,
    MEGABYTE,
    HostileServer,
    Script,
    whole,
)
from tests.schemas.data import TABLE_SCHEMAS, errors

#: Runs a script and writes down the most memory that it took; what a process is said to have used
#: counts that of the one which started it, too.
MEASURED = """
import atexit, pathlib, runpy, sys

def write():
    status = pathlib.Path("/proc/self/status").read_text()
    pathlib.Path("peak").write_text(status.split("VmHWM:")[1].split()[0])

atexit.register(write)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
COMMAND = (str(Path(sys.executable).with_name("rerank-contract")), "check", "--effort=smoke")
#: Many times what a run takes.
CPU_SECONDS = 120


def ask(script: Script, timeout: float = 0.3) -> Answer:
    with (
        HostileServer(script) as server,
        Route(timeout=timeout).open(server.base_url) as client,
    ):
        return HttpTarget(client, server.base_url, KEY).send(Request({"query": "a"}))


@pytest.mark.parametrize(
    "name", ["headers", "a header", "interim answers", "slow headers", "no answer"]
)
def test_what_never_becomes_an_answer_is_none(name: str) -> None:
    with pytest.raises(UnreachableError):
        ask(ENDLESS[name])


@pytest.mark.parametrize("name", ["a slow body", "slow chunks", "slow headers", "no answer"])
def test_the_whole_exchange_has_one_deadline(name: str) -> None:
    with pytest.raises(UnreachableError, match=r"no whole answer within 0\.3 seconds") as caught:
        ask(ENDLESS[name])
    assert "--request-timeout" in caught.value.to_try


@pytest.mark.parametrize(
    "name", ["a body", "a body of white space", "chunks", "5 GB that are announced", "a gzip bomb"]
)
def test_a_body_is_read_up_to_its_limit(name: str) -> None:
    answer = ask(ENDLESS[name], timeout=60)
    assert answer.status == 200
    assert re.fullmatch(r"longer than 26\d{4} bytes, and not read further", answer.cut)
    assert len(answer.body) == KEPT
    assert not answer.is_json
    assert answer.text.endswith(f"… ({answer.cut})")


def test_a_key_that_stands_where_a_body_is_cut_is_not_cut_in_two() -> None:
    for before in range(KEPT - len(KEY), KEPT, 4):
        body = b" " * before + KEY.encode() + b" " * 2 * LONGEST
        answer = ask(partial(iter, [HEAD + b"\r\n", body]), timeout=60)
        assert answer.cut
        assert answer.body.strip() == b"[key]"[: KEPT - before]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ENDLESS, *HEAVY])
def test_a_run_ends_with_a_verdict_and_takes_no_more_than_200_megabytes(
    name: str, tmp_path: Path
) -> None:
    with HostileServer({**ENDLESS, **HEAVY}[name]) as server:
        options = (f"--target={server.base_url}", "--timeout=2", "--max-requests=4")
        judge = subprocess.Popen(
            [
                sys.executable,
                "-c",
                MEASURED,
                *COMMAND,
                *options,
                *(f"--{form}={form}" for form in WRITERS),
            ],
            cwd=tmp_path,
            env={**os.environ, "SILICONFLOW_API_KEY": KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        resource.prlimit(judge.pid, resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        printed, _ = judge.communicate()
    assert judge.returncode in (1, 3), printed[-2000:]
    assert int((tmp_path / "peak").read_text()) * 1024 < 200 * MEGABYTE
    assert "Traceback" not in printed
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 20 * MEGABYTE
    report = json.loads((tmp_path / "report-json").read_text("utf-8"))
    assert report["verdict"] in ("violates", "inconclusive")
    assert errors(TABLE_SCHEMAS["report"], report) == []


#: Ways to say the key that whoever reads a report could undo.
ECHOES = {
    "escaped": KEY.replace("s", "\\u0073"),
    "in base64": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    "in hexadecimal": KEY.encode().hex(),
    "in a URL": KEY.replace("-", "%2D"),
    "in upper case": KEY.upper(),
}


def undone(text: str) -> str:
    """What a reader can make of a text."""
    text = unquote(html.unescape(text))
    text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    words = re.findall(r"[A-Za-z0-9+/]{16,}", text)
    decoded = [base64.b64decode(word[: len(word) // 4 * 4]) for word in words]
    hexes = [bytes.fromhex(word) for word in re.findall(r"(?:[0-9a-fA-F]{2}){8,}", text)]
    return "\n".join([text, *(raw.decode("latin-1") for raw in (*decoded, *hexes))]).lower()


@pytest.mark.slow
@pytest.mark.parametrize("said", ECHOES.values(), ids=ECHOES)
def test_a_key_that_is_repeated_in_another_spelling_is_in_no_artefact(
    said: str, tmp_path: Path
) -> None:
    body = b'{"id": "%b", "%b": "\\u202e\\u001b[31m"}' % (said.encode(), said.encode())
    with HostileServer(whole(body, b"x-said: " + said.encode())) as server:
        files = (f"--{form}={form}" for form in WRITERS)
        done = subprocess.run(
            [*COMMAND, "--github", f"--target={server.base_url}", *files],
            cwd=tmp_path,
            env={**os.environ, "SILICONFLOW_API_KEY": KEY, "GITHUB_STEP_SUMMARY": "summary"},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    assert done.returncode == 1
    written = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert written.keys() == {"summary", *WRITERS}
    for name, text in (*written.items(), ("output", done.stdout), ("errors", done.stderr)):
        assert KEY.lower() not in undone(text), name
    assert "[key]" in written["report-json"]
    # What commands a terminal, or turns the direction, shows in every form.
    for name, text in (*written.items(), ("output", done.stdout)):
        assert not set("\x1b\u202e") & set(text), name
