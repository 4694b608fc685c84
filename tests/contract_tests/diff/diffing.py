"""Runs of `diff` in this process."""

import json
from pathlib import Path

import jsonschema
import pytest

from contract_tests.__main__ import main
from contract_tests.contract import SCHEMAS, AnyJson

SCHEMA = json.loads((SCHEMAS / "files" / "difference.json").read_text("utf-8"))


def difference(
    old: Path | str, new: Path | str, capsys: pytest.CaptureFixture[str]
) -> tuple[AnyJson, int]:
    """Compare; return what is printed as JSON, which keeps its schema, and the exit code."""
    code = main(["diff", str(old), str(new), "--json"])
    content: AnyJson = json.loads(capsys.readouterr().out)
    jsonschema.validate(content, SCHEMA)
    return content, code


def shown(content: AnyJson) -> list[tuple[AnyJson, ...]]:
    """The changes without their notes."""
    return [
        tuple(row[name] for name in ("place", "old", "new", "effect")) for row in content["changes"]
    ]


def left_out(content: AnyJson) -> dict[str, list[str]]:
    """Why something was not compared -> what."""
    return {row["because"]: row["names"] for row in content["uncompared"]}


def refusal(old: Path | str, new: Path | str, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said where two cannot be compared."""
    assert main(["diff", str(old), str(new)]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    return captured.err
