"""The judge proved: each mutant falls, and by the requirement that it breaks."""

import json
import re
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import pytest

from contract_tests.checks.catalogue import CHECKS
from contract_tests.contract import AnyJson, load_contract, revisions
from contract_tests.exchanges import Answer, Credential, Request, member
from contract_tests.mutants.catalogue import MUTANTS
from tests.contract_tests.judged import ROOM, Judged, judge_here, named
from tests.contract_tests.newest import NEWEST, REQUIREMENTS

OF_LEVEL = {
    level: {name for name, requirement in REQUIREMENTS.items() if requirement.level == level}
    for level in ("spec", "observed", "open")
}


class After:
    """A plugin that keeps the tests that name one requirement, of those that the effort allows."""

    def __init__(self, requirement: str) -> None:
        self._requirement = requirement

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        kept = [item for item in items if self._requirement in named(item)]
        items[:] = kept or items


class Collected:
    """A plugin that takes down what the tests name."""

    def __init__(self) -> None:
        self.tests: dict[str, set[str]] = {}
        #: Requirement -> the modules that have tests of it.
        self.modules: dict[str, set[Path]] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            self.tests[item.nodeid] = named(item)
            for requirement in named(item):
                self.modules.setdefault(requirement, set()).add(item.path)


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    """Collect the room once, so that each run reads only the modules that it needs."""
    collected = Collected()
    folder = tmp_path_factory.mktemp("collected")
    judge_here(folder, "--collect-only", "--effort=standard", plugins=[collected])
    return collected


def ranked(request: Request) -> Answer:
    """Answer as a target that takes every key; the caller stands in the answer."""
    documents: list[str] = member(request.body, "documents") or []
    results = [
        {"index": index, "relevance_score": 0.5 / (1 + index), "document": {"text": text}}
        for index, text in enumerate(documents)
    ]
    counts = {"input_tokens": 3, "output_tokens": 0, "image_tokens": 0}
    meta = {"tokens": counts, "billed_units": {**counts, "search_units": 0, "classifications": 0}}
    body: AnyJson = {"id": request.credential.name, "results": results, "meta": meta}
    return Answer(200, {"content-type": "application/json"}, json.dumps(body).encode())


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_knows_nothing_of_an_earlier_run(name: str) -> None:
    def run(*batches: list[str]) -> list[bytes]:
        answer = MUTANTS[name].begin()
        return [
            answer(ranked, Request({**fields, "documents": documents}, credential=caller)).body
            for documents in batches
            for caller in (Credential.INVALID, Credential.KEY, Credential.SECOND_KEY)
        ]

    fields = {"model": "BAAI/bge-reranker-v2-m3", "query": "fruit", "return_documents": True}
    earlier = run(["apple", "pear"], ["lemon", "kiwi"])
    assert run(["apple", "pear"], ["lemon", "kiwi"]) == earlier
    later = run(["grape", "plum"], ["melon", "figs"])
    # What is asked otherwise is answered otherwise, and in the same way.
    names = {b"apple": b"grape", b"pear": b"plum", b"lemon": b"melon", b"kiwi": b"figs"}
    for body, other in zip(earlier, later, strict=True):
        assert re.sub(rb"apple|pear|lemon|kiwi", lambda match: names[match[0]], body) == other


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_passes_on_what_it_cannot_work_on(name: str) -> None:
    fields = {"model": "Qwen/Qwen3-VL-Reranker-8B", "query": "fruit", "documents": ["apple"]}
    wrong: list[AnyJson] = [None, 3, True, [], {"text": 1}]
    odd: list[AnyJson] = [None, 3, "apple", [], [1], {}, b"{"]
    odd += [{**fields, name: value} for name in fields for value in wrong]
    refused = Answer(400, {"content-type": "application/json"}, b'{"code": 20015}')
    answer = MUTANTS[name].begin()
    for body, caller in product(odd, Credential):
        answer(lambda _: refused, Request(body, credential=caller))


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_the_mutant_falls_by_the_requirement_that_it_breaks(
    name: str, judged: Callable[..., Judged], collected: Collected
) -> None:
    requirement = str(MUTANTS[name].requirement)
    modules: Sequence[Path] = sorted(collected.modules.get(requirement, [ROOM]))
    after = After(requirement)
    run = judged("--effort=standard", f"--mutant={name}", plugins=[after], modules=modules)
    row = run.row(requirement)
    assert row["outcome"] == {"spec": "failed", "observed": "differs"}[row["level"]]
    assert run.that("broken") == set()
    assert run.slept == []


def test_every_requirement_that_can_be_broken_has_a_mutant() -> None:
    proved = {mutant.requirement for mutant in MUTANTS.values()}
    assert proved == OF_LEVEL["spec"] | OF_LEVEL["observed"]


def test_every_requirement_is_named_by_a_test_and_every_name_is_a_requirement(
    judged: Callable[..., Judged],
) -> None:
    collected = Collected()
    judged("--collect-only", "--effort=thorough", plugins=[collected])
    by_tests = set[str]().union(*collected.tests.values())
    by_checks = frozenset[str]().union(*(check.requirements(NEWEST) for check in CHECKS))
    assert by_tests == REQUIREMENTS.keys()
    every = {name for revision in revisions() for name in load_contract(revision).requirements}
    assert by_checks <= every
    asked = {
        switch.name
        for switch in NEWEST.switches.values()
        if (switch.probe, switch.exceeded) != (None, None) and not switch.requirements
    } | {"context_overflow"}  # asked without a probe in the data: its length is that of a model
    unnamed = [test for test, names in collected.tests.items() if not names]
    assert {test.rpartition("-")[2].rstrip("]") for test in unnamed} == asked


def test_a_name_belongs_to_one_test(judged: Callable[..., Judged]) -> None:
    collected = Collected()
    judged("--collect-only", "--effort=thorough", plugins=[collected])
    names = [test.rpartition("::")[2] for test in collected.tests]
    assert len(names) == len(set(names)) > 100
