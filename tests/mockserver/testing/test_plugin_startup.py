"""Every pytest run of a user who has the package installed pays for what the plugin imports."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"httpx", "hypothesis", "jsonschema", "jsonschema_rs", "orjson", "respx", "uvicorn"}


@pytest.mark.parametrize("module", ["mockserver.testing.plugin", "contract_tests.pytest_plugin"])
def test_the_plugin_imports_nothing_heavy(module: str) -> None:
    script = (
        "import sys, pytest\nbefore = set(sys.modules)\n"
        f"import {module}\nprint(*sorted(set(sys.modules) - before))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    imported = {name.partition(".")[0] for name in printed.split()}
    assert module.partition(".")[0] in imported
    assert not imported & HEAVY
