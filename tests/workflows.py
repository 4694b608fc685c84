"""Runs the steps of a workflow or of an action as a runner of GitHub does."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")


def run_step(
    step: Mapping[str, Any], folder: Path, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run the script of a step in a shell of its own, which ends at a mistake."""
    strict = ["--noprofile", "--norc", "-eo", "pipefail"] if step.get("shell") == "bash" else ["-e"]
    return subprocess.run(
        ["bash", *strict, "-c", step["run"]],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        check=False,
        encoding="utf-8",
    )


def evaluate(text: str, values: Mapping[str, str]) -> str:
    """Put values in the places of their expressions, such as `${{ inputs.target }}`."""
    return _EXPRESSION.sub(lambda match: values[match[1]], text)


def expressions(text: str) -> list[str]:
    """Return the expressions in a text."""
    return _EXPRESSION.findall(text)
