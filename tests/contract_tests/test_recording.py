"""What is recorded of a run: a valid archive at any moment, and no key in it."""

import base64
import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Credential, Request
from contract_tests.recording import Archive, RecordedTarget, entry_of
from contract_tests.targets import HttpTarget, Target, UnreachableError
from tests.archives import complaints, read
from tests.contract_tests.exchanging import ANSWER, BODY, answer, in_turn
from tests.contract_tests.judged import Judged, command_here
from tests.contract_tests.test_redaction import KEY, SPELLINGS

NOON = 1_000_000_000.25


def recorded(tmp_path: Path, target: Target, *requests: Request) -> list[AnyJson]:
    """Send the requests; return the entries of what is recorded."""
    path, ticks = tmp_path / "a.har", iter(range(100))
    archive = Archive(path)
    sender = RecordedTarget(
        target, archive, "test_a", ["response.id.type"], lambda: NOON, lambda: next(ticks) / 2
    )
    for request in requests:
        with contextlib.suppress(UnreachableError):
            sender.send(request)
    archive.close()
    return read(path)


def test_an_exchange_is_recorded_as_it_was(tmp_path: Path) -> None:
    request = Request(BODY, headers=(("x-tenant", "a"),), path="/rerank?a=1")
    (entry,) = recorded(tmp_path, in_turn(answer()), request)
    assert entry == {
        "startedDateTime": "2001-09-09T01:46:40.250+00:00",
        "time": 500.0,
        "request": {
            "method": "POST",
            "url": "http://127.0.0.1:1/v1/rerank?a=1",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [
                {"name": "x-tenant", "value": "a"},
                {"name": "authorization", "value": "Bearer $SILICONFLOW_API_KEY"},
                {"name": "content-type", "value": "application/json"},
            ],
            "queryString": [{"name": "a", "value": "1"}],
            "headersSize": -1,
            "bodySize": len(json.dumps(BODY)),
            "postData": {"mimeType": "application/json", "text": json.dumps(BODY)},
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [
                {"name": "content-type", "value": "application/json"},
                {"name": "x-siliconcloud-trace-id", "value": "ti_1"},
            ],
            "content": {
                "size": len(json.dumps(ANSWER)),
                "mimeType": "application/json",
                "text": json.dumps(ANSWER),
            },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": len(json.dumps(ANSWER)),
        },
        "cache": {},
        "timings": {"send": 0, "wait": 500.0, "receive": 0},
        "_test": "test_a",
        "_requirements": ["response.id.type"],
    }


@pytest.mark.parametrize(
    ("request_", "replied"),
    [
        (Request(None, "GET", "/models", content_type=None), answer()),
        (Request(b"\xff\0"), answer(b"\xfe\0", 599)),
        (Request(b""), answer(b"", 204)),
        (Request(BODY, credential=Credential.NONE), answer("Invalid token", 401)),
        (Request({"query": "苹果"}), Answer(200, {"x-odd": "\udcff"}, b"{")),
        (Request(BODY), answer(headers={"location": "/v1/rerank"}, status=307)),
        (Request(BODY), Answer(200, {}, b"abc", cut="longer than 3 bytes, and not read further")),
        (Request(BODY), UnreachableError("ReadTimeout: no whole answer within 1 seconds")),
    ],
    ids=str,
)
def test_whatever_is_exchanged_is_valid(
    request_: Request, replied: Answer | Exception, tmp_path: Path
) -> None:
    assert len(recorded(tmp_path, in_turn(replied), request_, request_)) == 2


def test_bytes_that_are_no_text_are_recorded_in_base64(tmp_path: Path) -> None:
    (entry,) = recorded(tmp_path, in_turn(answer(b"\xfe\0")), Request(b"\xff\0"))
    post, got = entry["request"]["postData"], entry["response"]["content"]
    assert (base64.b64decode(post["text"]), post["_encoding"]) == (b"\xff\0", "base64")
    assert (base64.b64decode(got["text"]), got["encoding"]) == (b"\xfe\0", "base64")


def test_what_is_missing_of_an_answer_is_said() -> None:
    cut = entry_of("http://a/v1", Request(BODY), Answer(200, {}, b"abc", cut="too long"), 0, 0)
    assert cut["response"]["content"]["_cut"] == "too long"
    lost = entry_of("http://a/v1", Request(BODY), Answer(0, {}, b"", cut="ReadTimeout"), 0, 0)
    assert (lost["response"]["status"], lost["response"]["_error"]) == (0, "ReadTimeout")


def test_cookies_are_not_recorded() -> None:
    entry = entry_of("http://a/v1", Request(BODY), answer(headers={"set-cookie": "id=crumb"}), 0, 0)
    assert "crumb" not in json.dumps(entry)


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_no_key_is_recorded_in_any_spelling(spell: Callable[[str], str], tmp_path: Path) -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        said = spell(request.headers["authorization"].removeprefix("Bearer "))
        shown = {"x-echo": said} if said.isascii() and said.isprintable() else {}
        return httpx.Response(200, headers=shown, content=f'{{"you sent": "{said}"}}'.encode())

    with httpx.Client(transport=httpx.MockTransport(echo)) as client:
        target = HttpTarget(client, "http://127.0.0.1:1/v1", KEY)
        recorded(tmp_path, target, Request(BODY), Request(b"\xff"))
    text = (tmp_path / "a.har").read_text("utf-8")
    assert "[key]" in text
    # As text, and once more as JSON has it.
    for spelt in (spell(KEY), json.dumps(spell(KEY))[1:-1], KEY):
        assert spelt.lower() not in text.lower()


def test_the_file_opens_after_each_exchange(tmp_path: Path) -> None:
    path = tmp_path / "a.har"
    archive = Archive(path)
    for count in range(4):
        assert len(read(path)) == count
        archive.add(entry_of("http://a/v1", Request(BODY), answer(), 0, 0))
    archive.close()


class FullDisk(io.FileIO):
    """A file that cannot become longer than a limit, and takes a few bytes at a time."""

    limit = 1_000_000

    def write(self, text: AnyJson) -> int:
        room = min(self.limit - self.tell(), 50)
        if room <= 0:
            raise OSError(28, "No space left on device")
        return super().write(text[:room])


def test_a_full_disk_leaves_a_file_that_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, entry = tmp_path / "a.har", entry_of("http://a/v1", Request(BODY), answer(), 0, 0)
    disks: list[FullDisk] = []

    def opened(self: Path, *how: AnyJson, **more: AnyJson) -> AnyJson:
        if not self.name.startswith(path.name):
            return usual(self, *how, **more)
        disks.append(FullDisk(self, "wb"))
        return disks[-1]

    usual: AnyJson = Path.open
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", opened)
        archive = Archive(path)
    archive.add(entry)
    for disk in disks:
        disk.limit = path.stat().st_size + 200
    archive.add(entry)
    for disk in disks:
        disk.limit *= 2
    archive.add(entry)
    assert archive.close() == "it lacks the last exchanges: No space left on device"
    assert len(read(path)) == 1


def test_two_runs_that_write_one_file_are_reported(tmp_path: Path) -> None:
    path, entry = tmp_path / "a.har", entry_of("http://a/v1", Request(BODY), answer(), 0, 0)
    one, other = Archive(path), Archive(path)
    for archive in (one, other, one, other):
        archive.add(entry)
    expected = "it lacks the last exchanges: another run writes it too"
    assert expected in (one.close(), other.close())


def test_a_run_whose_recording_failed_ends_with_4_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(archive: Archive) -> str:
        return usual(archive) or "it lacks the last exchanges: No space left on device"

    usual = Archive.close
    monkeypatch.setattr(Archive, "close", lacking)
    words = ("--effort=smoke", "--only=request.query.required", "--har=run.har")
    run = command_here(tmp_path, "check", *words)
    assert run.returncode == 4
    assert "--har: run.har: it lacks the last exchanges: No space left on device" in run.stdout


def test_no_file_is_left_but_the_archive(tmp_path: Path) -> None:
    for name in ("a.har", "a.har.partial-0", "a.har.partial-1"):
        (tmp_path / name).write_text("of a run that was killed", "utf-8")
    recorded(tmp_path, in_turn(answer()), Request(BODY), Request(BODY))
    assert [path.name for path in tmp_path.iterdir()] == ["a.har"]


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="it is not a plain file"):
        Archive(pipe)
    assert pipe.is_fifo()


def test_a_run_is_recorded_with_its_tests(judged: Callable[..., Judged], tmp_path: Path) -> None:
    path = tmp_path / "run.har"
    run = judged("--effort=smoke", "--only=response.results.sorted", f"--har={path}")
    entries = read(path)
    assert run.verdict == "conforms"
    assert [entry["request"]["postData"]["text"].encode() for entry in entries] == [
        request.content for request in run.requests
    ]
    assert {name for entry in entries for name in entry["_requirements"]} >= {
        "response.results.sorted"
    }
    assert all(entry["_test"].startswith("test_") for entry in entries)


#: Sends requests for ever, and says after each how many there were.
ENDLESS = """
import sys
from pathlib import Path
from contract_tests.recording import Archive, RecordedTarget
from contract_tests.exchanges import Request
from tests.contract_tests.exchanging import BODY, answer, in_turn
target = RecordedTarget(in_turn(answer()), Archive(Path(sys.argv[1])))
for count in range(1, 1_000_000):
    target.send(Request(BODY))
    print(count, flush=True)
"""


def test_a_killed_run_leaves_a_file_that_opens(tmp_path: Path) -> None:
    path, wanted = tmp_path / "a.har", random.Random(0).randrange(1, 50)
    command = [sys.executable, "-c", ENDLESS, str(path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = [next(process.stdout) for _ in range(wanted)]
        os.kill(process.pid, signal.SIGKILL)
        told += process.stdout
    assert len(read(path)) - int(told[-1]) in (0, 1)


@pytest.mark.parametrize("wrong", [{"time": -1}, {"cache": None}, {"surplus": 1}])
def test_the_schemas_find_what_is_wrong(wrong: dict[str, object]) -> None:
    entry = entry_of("http://a/v1", Request(BODY), answer(), 0, 0)
    log = {"version": "1.2", "creator": {"name": "a", "version": "1"}, "entries": [entry | wrong]}
    assert complaints({"log": log})
