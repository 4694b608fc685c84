"""The installed package at work, in the project of a user who owns folders of the same names."""

import json
import re
import signal
import subprocess
from pathlib import Path
from textwrap import dedent
from threading import Timer

import httpx
import pytest

from .conftest import ROOT, fresh_shell, run


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


def test_the_plugin_imports_nothing_heavy_before_a_fixture_is_used(environment: Path) -> None:
    probe = """
import pytest, sys
before = set(sys.modules)
import rerank_contract.mockserver.pytest_plugin
new = {name.partition(".")[0] for name in sys.modules.keys() - before}
print(*new - sys.stdlib_module_names)
"""
    assert run(environment / "bin/python", "-c", probe, cwd=environment).split() == [
        "rerank_contract"
    ]
