"""The command `rerank-contract gateway`: what it starts, its exit codes, and bad input."""

import json
import shlex
import socket
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from contract_tests.__main__ import main
from contract_tests.client.mock_process import MockError
from contract_tests.gateway import command

from .small_gateway import CALLER_KEY, SmallGateway
from .small_gateway import __name__ as small_gateway

ROOT = Path(__file__).parents[3]
MODELS = ("--model=BAAI/bge-reranker-v2-m3", "--model=Qwen/Qwen3-Reranker-0.6B")


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        found: int = listener.getsockname()[1]
        return found


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLER_KEY", CALLER_KEY)
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.chdir(ROOT)


def arguments(port: int, *ways: str) -> list[str]:
    start = shlex.join([sys.executable, "-m", small_gateway, str(port), *ways])
    target = f"--target=http://127.0.0.1:{port}/v1"
    return ["gateway", target, "--start", start, "--api-key-env=CALLER_KEY", *MODELS]


def test_a_gateway_is_started_and_its_fault_reported(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    options = ["--only=field.instruction", "--only=field.top_n", f"--report-json={report}"]
    assert main([*arguments(port, "drops instruction"), *options]) == 1
    printed = capsys.readouterr().out
    assert "broken    field.instruction: dropped, and the caller cannot see it" in printed
    assert "kept      field.top_n: forwarded" in printed
    assert printed.splitlines()[-1].startswith("violates: ")
    assert json.loads(report.read_text("utf-8"))["verdict"] == "violates"
    # Upstream listens no more, nor does the gateway.
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port))


def test_a_right_gateway_conforms(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments(port), "--only=answer"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("conforms: ")


def test_a_gateway_that_asks_elsewhere_is_inconclusive(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", port)) as nobody:
        options = [f"--target=http://127.0.0.1:{port}/v1", "--wait=0.1", "--request-timeout=0.1"]
        assert nobody
        assert main(["gateway", *options]) == 3
    printed = capsys.readouterr().out
    assert printed.startswith("upstream ready at http://127.0.0.1:")
    assert "inconclusive: the plainest request does not pass" in printed
    assert "upstream was not asked" in printed


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (f"{sys.executable} -c 'raise SystemExit(\"no configuration\")'", "no configuration"),
        (
            f"{sys.executable} -c 'import os; exit(os.environ[\"RERANK_UPSTREAM_KEY\"])'",
            "the gateway ended with 1: [key]",
        ),
        ("./not-there", "No such file or directory"),
    ],
)
def test_a_gateway_that_does_not_start_is_reported(
    command: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gateway", "--target=http://127.0.0.1:9/v1", "--start", command]) == 2
    complained = capsys.readouterr().err
    assert complained.startswith("rerank-contract gateway: --start: ")
    assert says in complained


_DYING = f"""
import os, sys
from {small_gateway} import SmallGateway, main
answer, left = SmallGateway.answer, list(range(5))
def last(*arguments):
    if not left:
        print("out of memory", flush=True)
        os._exit(7)
    left.pop()
    return answer(*arguments)
SmallGateway.answer = last
main(sys.argv[1:])
"""


@pytest.mark.parametrize("only", ["failure", "sharing.cache"])
def test_a_gateway_that_ends_meanwhile_is_reported(
    port: int, only: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start = shlex.join([sys.executable, "-c", _DYING, str(port)])
    options = [f"--target=http://127.0.0.1:{port}/v1", "--start", start, f"--only={only}"]
    assert main(["gateway", *options, "--api-key-env=CALLER_KEY"]) == 2
    complained = capsys.readouterr().err
    assert complained == (
        "rerank-contract gateway: --start: the gateway ended with 7: out of memory\n"
    )


def test_a_gateway_whose_port_is_taken_is_reported(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    start = [sys.executable, "-c", "import time; time.sleep(0.5); raise SystemExit('taken')"]
    with SmallGateway("http://127.0.0.1:9/v1", "", port) as stranger:
        options = [f"--target={stranger.base_url}", "--start", shlex.join(start)]
        assert main(["gateway", *options]) == 2
    assert "--start: the gateway ended with 1: taken" in capsys.readouterr().err


def test_a_gateway_that_ends_without_a_word_is_reported(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    start = [sys.executable, "-c", ""]
    options = [f"--target=http://127.0.0.1:{port}/v1", "--start", shlex.join(start)]
    assert main(["gateway", *options]) == 2
    says = "the gateway ended with 0: it printed nothing; start it in the foreground"
    assert says in capsys.readouterr().err


def test_a_line_on_a_terminal_shows_how_far_it_has_come(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main([*arguments(port), "--only=field.top_n"]) == 0
    drawn = capsys.readouterr().err
    assert "\r\x1b[2K3 requests sent" in drawn
    assert drawn.endswith("\r\x1b[2K")


def test_ctrl_c_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "Upstream", interrupted)
    assert main(["gateway", "--target=http://127.0.0.1:9/v1", "--wait=1"]) == 3
    assert capsys.readouterr().err == "interrupted\n"


def test_a_mock_that_breaks_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> NoReturn:
        raise MockError("the mock is gone")

    monkeypatch.setattr(command, "Upstream", broken)
    assert main(["gateway", "--target=http://127.0.0.1:9/v1", "--wait=1"]) == 4
    assert capsys.readouterr().err == "rerank-contract gateway: the mock is gone\n"


def test_a_port_that_is_taken_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ["--target=http://127.0.0.1:9/v1", f"--upstream-port={port}"]
        assert main(["gateway", *options]) == 2
    assert f"--upstream-port: {port} cannot be used: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "name the command that starts the gateway with --start"),
        (["--start="], "name the command that starts the gateway with --start"),
        (["--start='"], "--start: ': No closing quotation"),
        (["--start= "], "--start: the command is empty"),
        (["--upstream-port=65536"], "65536 is not a port"),
        (
            ["--wait=1", "--only=field.topn"],
            "no check is called field.topn; did you mean field.top",
        ),
        (["--wait=1", "--model=mine"], "say which model upstream is asked for, as in mine=BAAI/"),
        (["--wait=1", "--model=mine=BAAI/none"], "the page has no model BAAI/none"),
        (["--wait=1", "--api-key-env=EMPTY"], "$EMPTY is empty: set it to the key of the gateway"),
        (
            ["--wait=1", "--upstream-key-env=UNSET"],
            "$UNSET is not set: set it to the key of upstream",
        ),
        (
            ["--wait=1", "--api-key-env=sk-no-name"],
            "put the key of the gateway into an environment",
        ),
        (
            ["--wait=1", "--api-key-env=CALLER_KEY", "--upstream-key-env=CALLER_KEY"],
            "the caller's key is upstream's; leave the option out",
        ),
        (["--wait=1", "--revision=1999-01"], "--revision: "),
        (["--wait=1", "--report-json=/"], "--report-json: / is a folder"),
    ],
)
def test_bad_options_are_usage(
    options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["gateway", "--target=http://127.0.0.1:9/v1", *options])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_a_target_is_a_url(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["gateway", "--target=127.0.0.1:9/v1", "--wait=1"])
    assert "did you mean http://127.0.0.1:9/v1?" in capsys.readouterr().err
