"""The command `rerank-contract interop`: its table, its exit codes, its files and bad input."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from jsonschema import Draft202012Validator

from contract_tests.__main__ import main
from contract_tests.exchanges import Answer, Request
from contract_tests.interop.clients import DRIVERS, Client
from contract_tests.interop.running import HEADERS
from contract_tests.interop.tasks import TASKS
from contract_tests.targets import HttpTarget
from tests.independent_server import IndependentServer
from tests.independent_service import Service
from tests.schemas.data import TABLE_SCHEMAS

from .conftest import KEY


@pytest.fixture
def interop(
    server: IndependentServer, folder: Path, offer: Callable[..., None]
) -> Callable[..., int]:
    """Run the command for clients at the independent server."""

    def run(*clients: Client, options: tuple[str, ...] = ()) -> int:
        offer(*clients)
        return main(["interop", f"--target={server.base_url}", f"--folder={folder}", *options])

    return run


def test_a_client_that_works_is_reported_in_all_forms(
    interop: Callable[..., int],
    small: Callable[..., Client],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # leads out, and the server is here
    report, page = tmp_path / "report.json", tmp_path / "report.md"
    files = (f"--report-json={report}", f"--report-markdown={page}")
    assert interop(small(), options=files) == 0
    head, row, *_, last = capsys.readouterr().out.splitlines()
    assert head.split() == ["client", "version", *(task.id for task in TASKS)]
    assert row.split() == ["right", "1.0", *["works"] * len(TASKS)]
    assert last.endswith(": 1 of 1 client works")
    content = json.loads(report.read_text("utf-8"))
    assert list(Draft202012Validator(TABLE_SCHEMAS["interop"]).iter_errors(content)) == []  # pyright: ignore[reportUnknownMemberType] - untyped overload
    assert content["verdict"] == "works"
    assert "| right | 1\\.0 | works | works |" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("sorts by index", ": ranked documents [0, 1, 2, 3], expected ["),
        ("forgets top_n", " top_n: ranked documents ["),
        ("squashes", ": returned the score 0."),
        ("needs meta", " ranking, one_document, unicode: reported: Invalid JSON response"),
        ("swallows errors", " wrong_key: returned a ranking, though the target refuses the key"),
    ],
)
def test_a_client_that_fails_is_reported(
    fault: str,
    says: str,
    interop: Callable[..., int],
    small: Callable[..., Client],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert interop(small(fault)) == 1
    printed = capsys.readouterr().out
    failing = [line for line in printed.splitlines() if line.startswith(f"fails      {fault}:")]
    assert any(says in line for line in failing)
    assert printed.splitlines()[-1].startswith("fails: http://127.0.0.1:")


def test_a_driver_that_dies_was_not_tried(
    interop: Callable[..., int], small: Callable[..., Client], capsys: pytest.CaptureFixture[str]
) -> None:
    assert interop(small("dies")) == 3
    printed = capsys.readouterr().out
    assert (
        "not tried  dies: ranking, top_n, return_documents, one_document, unicode: its" in printed
    )
    assert "ImportError: no such library, and the key is [key]" in printed
    assert printed.splitlines()[-1].endswith("0 of 1 client work, 1 could not be tried")


def test_a_key_is_in_no_artefact(
    interop: Callable[..., int],
    small: Callable[..., Client],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KEY_OF_THE_USER", "hidden")
    report, page = tmp_path / "report.json", tmp_path / "report.md"
    files = (f"--report-json={report}", f"--report-markdown={page}")
    assert interop(small("dies"), small("tells"), options=files) == 3
    captured = capsys.readouterr()
    texts = [captured.out, captured.err, report.read_text("utf-8"), page.read_text("utf-8")]
    assert all(KEY not in text for text in texts)
    # Nor is another one in the environment of a client.
    assert "ranking, top_n" in texts[0]
    assert ": {'RERANK_API_KEY': '[key]'}" in texts[0]


def test_headers_reach_server_and_client_and_secret_ones_are_shown_nowhere(
    interop: Callable[..., int],
    small: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TENANT", "secret-of-the-tenant")
    sent: list[Request] = []
    plain = HttpTarget.send

    def send(target: HttpTarget, request: Request) -> Answer:
        sent.append(request)
        return plain(target, request)

    monkeypatch.setattr(HttpTarget, "send", send)
    options = ("--header=X-Team: search", "--header-env=X-Tenant=TENANT")
    assert interop(small("tells"), options=options) == 3
    captured = capsys.readouterr()
    assert "{'RERANK_API_KEY': '[key]', 'X-Team': 'search', 'X-Tenant': '[key]'}" in captured.out
    assert captured.out.endswith(": 0 of 1 client work, 1 has no means for any task\n")
    assert "secret-of-the-tenant" not in captured.out + captured.err
    assert {request.headers for request in sent} == {
        (("X-Team", "search"), ("X-Tenant", "$TENANT"))
    }


@pytest.mark.parametrize("sends_headers", [False, True])
def test_a_driver_whose_library_cannot_send_headers_says_so(sends_headers: bool) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(DRIVERS)!r}); from speaking import answer\n"
        f"answer(lambda task: dict(task.headers), sends_headers={sends_headers})"
    )
    task = TASKS[0].for_client("m", 1)
    where = {"RERANK_BASE_URL": "http://h/v1", "RERANK_API_KEY": "sk", HEADERS: '{"A": "b"}'}
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        input=json.dumps(task),
        env=where,
        check=True,
        capture_output=True,
        text=True,
    )
    refused = {"not_applicable": "no way to send headers"}
    assert json.loads(done.stdout) == ({"A": "b"} if sends_headers else refused)


def test_a_target_that_refuses_the_plainest_request_is_inconclusive(
    interop: Callable[..., int],
    small: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SILICONFLOW_API_KEY", "sk-another-one")
    report = tmp_path / "report.json"
    assert interop(small(), options=(f"--report-json={report}",)) == 3
    printed = capsys.readouterr().out
    assert "the target answers a plain request with 401: " in printed
    assert json.loads(report.read_text("utf-8"))["clients"] == []


def test_a_target_that_nobody_serves_is_inconclusive(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SILICONFLOW_API_KEY", KEY)
    assert main(["interop", "--target=http://127.0.0.1:9/v1", "--timeout=1"]) == 3
    assert "inconclusive: http://127.0.0.1:9/v1: the target gave no" in capsys.readouterr().out


def test_what_the_target_does_not_do_is_tried_with_no_client(
    interop: Callable[..., int],
    small: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Service, "_admit", Mock())
    assert interop(small()) == 0
    printed = capsys.readouterr().out
    assert "n/a        wrong_key: the target accepts any key" in printed
    assert printed.splitlines()[1].split()[-1] == "n/a"


def test_the_list_says_what_each_client_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["interop", "--list", "--client=LITELLM", "--client=@ai-sdk/cohere"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("LiteLLM ")
    assert first.endswith(": Python, litellm (litellm_rerank.py hosted_vllm)")
    assert second.endswith(": Node, @ai-sdk/cohere (ai_sdk_cohere.cjs)")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "name the server with --target, or use --list"),
        (["--target=127.0.0.1:9/v1"], "did you mean http://127.0.0.1:9/v1?"),
        (["--target=http://h/v1", "--client=LightLLM"], "called LightLLM; did you mean LiteLLM?"),
        (["--target=http://h/v1", "--api-key-env=NONE"], "$NONE is not set: set it to the key of"),
        (["--target=http://h/v1", "--folder=README.md/x"], "README.md is a file and no folder"),
        (["--target=http://h/v1", "--header=X-Api-Key: a"], "looks like a secret"),
        (["--target=http://h/v1", "--header-env=X-Tenant=NONE"], "$NONE is not set"),
        (["--target=http://h/v1", "--report-json=/"], "--report-json: / is a folder"),
    ],
)
def test_bad_options_are_usage(
    options: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SILICONFLOW_API_KEY", KEY)
    with pytest.raises(SystemExit) as ended:
        main(["interop", *options])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
