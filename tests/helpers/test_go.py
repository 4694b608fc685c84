"""The helper for Go, by its own tests and by its README."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mockserver.testing.contexts import serve_rerank

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "helpers" / "go"
README = (MODULE / "README.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.slow


def go(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run go in a folder; return its exit code and all that it printed."""
    if shutil.which("go") is None:
        pytest.skip("there is no go on PATH: `make toolchains` installs it where it can")
    done = subprocess.run(
        ["go", *arguments],
        cwd=folder,
        env={**os.environ, "GOPROXY": "off", "GOFLAGS": "", **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_its_own_tests_pass() -> None:
    command = json.dumps([sys.executable, "-m", "mockserver"])
    # A mock at $RERANK_BASE_URL would be used instead.
    where = {"RERANK_MOCK_COMMAND": command, "PYTHONPATH": str(ROOT), "RERANK_BASE_URL": ""}
    code, printed = go(MODULE, "test", "-count=1", "./...", **where)
    assert code == 0, printed


def test_the_example_of_its_readme_passes(tmp_path: Path) -> None:
    (lines,) = re.findall(r"^```\n(require .*?)^```$", README, re.MULTILINE | re.DOTALL)
    (example,) = re.findall(r"^```go\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    here = lines.replace("./rerank-contract/helpers/go", str(MODULE))
    (tmp_path / "go.mod").write_text(f"module client\n\ngo 1.19\n\n{here}", encoding="utf-8")
    (tmp_path / "client_test.go").write_text(example, encoding="utf-8")

    with serve_rerank() as mock:
        code, printed = go(tmp_path, "test", "-count=1", RERANK_BASE_URL=mock.base_url)
        sent = [call.request.method for call in mock.state.journal.query()]

    assert code == 0, printed
    assert sent == ["POST"]


def test_a_breach_fails_a_test_that_asserts_nothing(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text(
        f"module client\n\nrequire rerankmock v0.0.0\nreplace rerankmock => {MODULE}\n",
        encoding="utf-8",
    )
    (example,) = re.findall(r"^```go\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    breach = example.replace('"documents": ["a pear", "an apple"]', '"documents": []')
    breach = breach.replace('mock.Arm("overloaded")', "").replace("status != 503", "status != 400")
    (tmp_path / "client_test.go").write_text(breach, encoding="utf-8")

    with serve_rerank(fail_on="nothing") as mock:
        code, printed = go(tmp_path, "test", "-count=1", RERANK_BASE_URL=mock.base_url)

    assert code == 1
    assert re.search(r"call \d+: POST /v1/rerank -> 400: breach ", printed), printed
