"""The judge reads the schemas and nothing else: other data makes other tests."""

from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import Phase, find, settings

from contract_tests.contract import REVISIONS, AnyJson, load_contract
from contract_tests.strategies import Strategies
from tests.contract_tests.newest import NEWEST

BGE = "BAAI/bge-reranker-v2-m3"
MINIMUM, MAXIMUM = "request.overlap_tokens.minimum", "request.overlap_tokens.maximum"
FIRST = settings(max_examples=1, database=None, phases=[Phase.generate])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copytree(REVISIONS / NEWEST.revision, tmp_path / "revision")
    return tmp_path / "revision"


def change(folder: Path, old: str, new: str) -> Strategies:
    path = folder / "request.classic.json"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    return Strategies(load_contract(folder))


def drawn(strategies: Strategies) -> dict[str, AnyJson]:
    """Return what the shortest run draws for each fault of overlap_tokens."""
    model = strategies.contract.models[BGE]
    faults = [fault for fault in strategies.faults(model) if fault.field == "overlap_tokens"]
    bodies = {
        fault.kind: find(strategies.faulty(model, fault), lambda _: True, settings=FIRST)
        for fault in faults
    }
    return {kind: body["overlap_tokens"] for kind, body in bodies.items()}


def broken(strategies: Strategies, value: int) -> list[str]:
    """Return the requirements that the value breaks."""
    body = {**strategies.plainest(strategies.contract.models[BGE]), "overlap_tokens": value}
    found = strategies.contract.broken_keywords("request.classic", body)
    return [keyword.requirement for keyword in found]


def test_another_bound_is_tried_on_both_of_its_sides(folder: Path) -> None:
    strategies = change(folder, '"maximum": 80', '"maximum": 100')

    assert drawn(strategies)["maximum"] == 101
    assert drawn(strategies)["minimum"] == -1
    assert broken(strategies, -1) == [MINIMUM]
    assert [broken(strategies, value) for value in (0, 80, 81, 100)] == [[], [], [], []]
    assert broken(strategies, 101) == [MAXIMUM]


def test_a_bound_that_is_gone_is_not_tried_and_not_broken(folder: Path) -> None:
    # A keyword goes with what refers to it: a reference that leads nowhere is refused.
    requirements = folder / "requirements.json"
    pointer = '"request.classic#/properties/overlap_tokens/maximum"'
    text = requirements.read_text(encoding="utf-8")
    assert text.count(pointer) == 1
    requirements.write_text(text.replace(pointer, ""), encoding="utf-8")
    strategies = change(folder, ',\n      "maximum": 80', "")

    assert "maximum" not in drawn(strategies)
    assert broken(strategies, 101) == []
