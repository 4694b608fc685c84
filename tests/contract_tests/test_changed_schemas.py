"""The judge reads the schemas and nothing else: other data makes other tests."""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
#: Prints what the shortest run draws, and which requirements some values break.
PROBE = """
import json
from contract_tests.contract import breaches, model_named
from contract_tests.strategies import faults, faulty, plainest
from hypothesis import Phase, given, settings

model = model_named("BAAI/bge-reranker-v2-m3")
drawn = {}
for fault in faults(model):
    if fault.field == "overlap_tokens":

        @settings(max_examples=1, database=None, phases=[Phase.generate])
        @given(faulty(model, fault))
        def draw(body):
            drawn[fault.kind] = body["overlap_tokens"]

        draw()
broken = {
    value: [
        breach.requirement
        for breach in breaches("request.classic", {**plainest(model), "overlap_tokens": value})
    ]
    for value in (-1, 0, 80, 81, 100, 101)
}
print(json.dumps({"drawn": drawn, "broken": broken}))
"""
MINIMUM, MAXIMUM = "request.overlap_tokens.minimum", "request.overlap_tokens.maximum"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for room in ("schemas", "contract_tests"):
        copytree(ROOT / room, tmp_path / room, ignore=ignore_patterns("__pycache__"))
    return tmp_path


def probe(house: Path) -> Any:  # noqa: ANN401 # JSON
    # What is measured is the checkout, not its copy.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=house, env=env, stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout)


def change(house: Path, old: str, new: str) -> None:
    path = house / "schemas/revisions/2026-07/request.classic.json"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.slow
def test_another_bound_is_tried_on_both_of_its_sides(house: Path) -> None:
    change(house, '"maximum": 80', '"maximum": 100')

    seen = probe(house)

    assert seen["drawn"]["maximum"] == 101
    assert seen["drawn"]["minimum"] == -1
    assert seen["broken"] == {
        "-1": [MINIMUM],
        **{value: [] for value in ("0", "80", "81", "100")},
        "101": [MAXIMUM],
    }


@pytest.mark.slow
def test_a_bound_that_is_gone_is_not_tried_and_not_broken(house: Path) -> None:
    change(house, ',\n      "maximum": 80', "")

    seen = probe(house)

    assert "maximum" not in seen["drawn"]
    assert seen["broken"]["101"] == []
