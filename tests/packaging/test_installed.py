"""The installed package at work, in the project of a user who owns folders of the same names."""

import json
import re
import signal
import subprocess
from pathlib import Path
from shutil import copytree
from textwrap import dedent
from threading import Timer

import httpx
import pytest
import tomli

from .conftest import ROOT, fresh_shell, install, run

pytestmark = pytest.mark.slow


def test_an_environment_without_the_package_does_not_see_the_checkout(
    empty_environment: Path,
) -> None:
    python = empty_environment / "bin/python"
    probe = (
        "import importlib.util, sys; print(*sys.path, importlib.util.find_spec('rerank_contract'))"
    )

    seen = run(python, "-c", probe, cwd=empty_environment)

    assert seen.strip().endswith(" None")
    assert str(ROOT) not in seen


def test_the_served_mock_answers_and_ends_on_request(environment: Path, project: Path) -> None:
    command = (environment / "bin/rerank-mock", "serve", "--port", "0")
    with subprocess.Popen(
        command, cwd=project, env=fresh_shell(), stdout=subprocess.PIPE, encoding="utf-8"
    ) as server:
        assert server.stdout
        giving_up = Timer(60, server.kill)
        giving_up.start()
        try:
            ready = re.fullmatch(
                r"rerank-mock ready at (http://127\.0\.0\.1:\d+/v1)\n", server.stdout.readline()
            )
            assert ready
            answer = httpx.post(
                f"{ready[1]}/rerank",
                headers={"Authorization": "Bearer sk-mock"},
                json={
                    "model": "BAAI/bge-reranker-v2-m3",
                    "query": "Apple",
                    "documents": ["apple", "banana", "fruit", "vegetable"],
                    "return_documents": True,
                    "top_n": 4,
                },
            )
            server.send_signal(signal.SIGTERM)
            assert server.wait() == 0
            assert server.stdout.read() == ""
        finally:
            giving_up.cancel()
            server.kill()

    assert answer.status_code == 200
    assert answer.json()["results"][0]["document"] == {"text": "apple"}
    assert answer.headers["x-siliconcloud-trace-id"]


def test_the_judge_finds_that_the_mock_conforms(environment: Path, project: Path) -> None:
    judge = environment / "bin/rerank-contract"
    options = ("--target", "mock", "--effort", "smoke", "--report-json", "report.json")

    run(judge, "check", *options, cwd=project)

    report = json.loads((project / "report.json").read_text(encoding="utf-8"))
    assert report["verdict"] == "conforms"
    assert report["requests_sent"] > 0


def pytest_in(project: Path, environment: Path, test: str) -> str:
    """Run one test file in the user's project, under the user's own configuration."""
    (project / "tests").mkdir()
    (project / "tests/test_client.py").write_text(dedent(test), encoding="utf-8")
    return run(environment / "bin/python", "-m", "pytest", cwd=project)


@pytest.mark.parametrize("fixture", ["rerank_mock", "rerank_server"])
def test_a_fixture_serves_the_tests_of_a_user(
    environment: Path, project: Path, fixture: str
) -> None:
    printed = pytest_in(
        project,
        environment,
        f"""
        import httpx
        import schemas


        def test_ranking({fixture}):
            answer = httpx.post(
                f"{{{fixture}.base_url}}/rerank",
                headers={{"Authorization": f"Bearer {{{fixture}.api_key}}"}},
                json={{
                    "model": "BAAI/bge-reranker-v2-m3",
                    "query": "apple",
                    "documents": ["banana", "apple"],
                }},
            )
            assert [result["index"] for result in answer.json()["results"]] == [1, 0]
            assert schemas.OWNER == "the user"
        """,
    )
    assert "1 passed" in printed


def test_the_oracle_serves_the_tests_of_a_user(environment: Path, project: Path) -> None:
    printed = pytest_in(
        project,
        environment,
        """
        import httpx
        import pytest


        def test_oracle(rerank_mock, rerank_oracle):
            answer = httpx.post(
                f"{rerank_mock.base_url}/rerank",
                headers={"Authorization": f"Bearer {rerank_mock.api_key}"},
                json={
                    "model": "BAAI/bge-reranker-v2-m3",
                    "query": "apple",
                    "documents": ["banana", "apple"],
                },
            )
            rerank_oracle(answer.request, answer, strict=True)
            with pytest.raises(AssertionError, match="response.body.json"):
                rerank_oracle(answer.request, (200, answer.headers, b"apple"))
        """,
    )
    assert "1 passed" in printed


def test_the_judge_runs_under_the_pytest_of_a_user(environment: Path, project: Path) -> None:
    """With the options of the command, and beside a folder of the same name."""
    package = "rerank_contract.contract_tests"
    options = ("--effort=smoke", "-k", "top_n", "--mutant=ignores top_n")
    command = (str(environment / "bin/python"), "-m", "pytest", "--pyargs", package, *options)
    done = subprocess.run(
        command, cwd=project, env=fresh_shell(), capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED request.top_n" in done.stdout


#: What users write, each line with the types that they rely on.
CONSUMER = """
from collections.abc import Callable

from rerank_contract import (
    Calls, Oracle, RerankMock, __version__, assert_conforms, mock_rerank, serve_rerank
)
from rerank_contract.contract_tests import Exchange
from rerank_contract.mockserver import Entry, Request, Usage


def test_calls(rerank_mock: RerankMock, rerank_oracle: Oracle) -> None:
    rerank_mock.pin_scores({"a": 0.9}, query="q")
    rerank_mock.pin_order("a", "b", model="m")
    rerank_mock.arm("overloaded").assert_met()
    rerank_mock.set_environment(api_key="KEY")
    calls: Calls = rerank_mock.calls
    calls.assert_called_once_with(query="a", documents=["b"], top_n=1)
    last: Entry = calls.last
    top_n: int | None = last.sent.top_n
    request: Request = last.request
    usage: Usage = last.usage
    exchange: type[Exchange] = Exchange
    print(request, usage, exchange, __version__.upper())
    model: str | None = last.sent.model
    print(top_n, model, last.response.status + 1, [call.at for call in calls])
    rerank_oracle(last.request, last.response, strict=True)
    assert_conforms({"model": "m"}, (200, {"x-siliconcloud-trace-id": "ti"}, b""))


@mock_rerank(fail_on="mistake", allow=["null_field"], behaviour="strict", seed=1)
def ask(mock: RerankMock, query: str) -> int:
    return len(query + mock.api_key)


@serve_rerank()
async def ask_later(mock: RerankMock, query: str) -> int:
    return len(query + mock.base_url)


class Tests:
    @serve_rerank(assert_all_met=False)
    def test_method(self, mock: RerankMock) -> None:
        mock.calls.assert_not_called()

    @mock_rerank()
    async def test_later(self, mock: RerankMock) -> None:
        mock.calls.assert_not_called()


async def main() -> None:
    length: int = ask("query") + await ask_later("query")
    nothing: Callable[[Tests], None] = Tests.test_method
    nothing(Tests())
    await Tests().test_later()
    with mock_rerank() as mock, serve_rerank() as server:
        print(length, mock.base_url + server.api_key)
"""
#: The same user, who errs once in each line.
MISTAKEN = """
import rerank_contract
from rerank_contract import contract_tests, mock_rerank

with mock_rerank() as mock:
    mock.pin_scores({"a": "high"})
    mock.calls.last.sent.top_k
    mock.calls.assert_called_twice()

mock_rerank(fail_on="breech")
rerank_contract.mock_reranks
contract_tests.examine("request")
from rerank_contract.mockserver import Stat
"""


def test_types_hold_in_the_project_of_a_user(environment: Path, project: Path) -> None:
    (project / "consumer.py").write_text(CONSUMER, encoding="utf-8")
    (project / "mistaken.py").write_text(MISTAKEN, encoding="utf-8")
    strict = '{"typeCheckingMode": "strict", "reportUnusedExpression": false}'
    (project / "pyrightconfig.json").write_text(strict, encoding="utf-8")
    python = environment / "bin/python"
    for checker in (
        ("-m", "mypy", "--strict", "--no-color-output"),
        ("-m", "pyright", "--pythonpath", str(python)),
    ):
        run(python, *checker, "consumer.py", cwd=project)
        with pytest.raises(AssertionError) as caught:
            run(python, *checker, "mistaken.py", cwd=project)
        wrong = set(re.findall(r"mistaken\.py:(\d+)[^\n]* error:", str(caught.value)))
        assert wrong == {"6", "7", "8", "10", "11", "12", "13"}, caught.value


def test_types_hold_in_the_public_face(environment: Path, project: Path) -> None:
    # In the checkout no checker finds the rooms below the face: it is checked where it is used.
    python = environment / "bin/python"
    (project / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', encoding="utf-8")
    (face,) = environment.glob("lib/python*/site-packages/rerank_contract/__init__.py")
    (project / "face").mkdir()
    (project / "face/__init__.py").write_text(
        face.read_text(encoding="utf-8").replace("from .", "from rerank_contract."),
        encoding="utf-8",
    )
    run(python, "-m", "mypy", "--strict", "face/__init__.py", cwd=project)
    run(python, "-m", "pyright", "--pythonpath", str(python), "face/__init__.py", cwd=project)


@pytest.mark.parametrize("mode", ["lenient", "strict"])
def test_an_editable_install_offers_the_public_names(
    empty_environment: Path, tree: Path, project: Path, mode: str
) -> None:
    source = copytree(tree, project.parent / "source")
    settings = f"--config-settings=editable_mode={mode}"
    install(source, empty_environment, settings, "--editable")
    probe = """
import rerank_contract
from rerank_contract import contract_tests, mockserver
faces = (rerank_contract, mockserver, contract_tests)
print(*[type(getattr(face, name)).__name__ for face in faces for name in face.__all__])
print(mockserver.State().account_of("sk-mock").name, rerank_contract.State is mockserver.State)
"""
    for folder in (project, source):
        printed = run(empty_environment / "bin/python", "-c", probe, cwd=folder)
        assert printed.endswith("account-1 True\n")
    run(empty_environment / "bin/rerank-mock", "--version", cwd=project)


@pytest.mark.parametrize("command", ["rerank-mock", "rerank-contract"])
def test_a_command_prints_the_version(environment: Path, project: Path, command: str) -> None:
    printed = run(environment / "bin" / command, "--version", cwd=project)
    version = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]
    assert printed == f"{command} {version}\n"


def test_the_plugins_import_nothing_heavy_before_a_fixture_is_used(environment: Path) -> None:
    probe = """
import pytest, sys
before = set(sys.modules)
import rerank_contract.contract_tests.pytest_plugin
import rerank_contract.mockserver.testing.plugin
new = {name.partition(".")[0] for name in sys.modules.keys() - before}
print(*new - sys.stdlib_module_names)
"""
    assert run(environment / "bin/python", "-c", probe, cwd=environment).split() == [
        "rerank_contract"
    ]
