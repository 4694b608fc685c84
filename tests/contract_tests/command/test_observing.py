"""`observe` finds out what a target does, and the mock then does the same."""

import json
import os
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contract_tests.__main__ import main
from contract_tests.contract import AnyJson, load_contract, revisions
from contract_tests.exchanges import Answer
from contract_tests.judging.judge import Judge
from contract_tests.judging.probes import probed
from contract_tests.judging.properties import examine_switch
from contract_tests.report.builder import report_of
from contract_tests.report.writers import WRITERS
from mockserver.behaviour import Behaviour, BehaviourError, load_behaviour
from mockserver.contract import load_contract as mock_contract
from mockserver.testing.contexts import serve_rerank
from tests.contract_tests.exchanging import BGE, answer, in_turn, new_run
from tests.contract_tests.newest import MODELS
from tests.spoiled_files import spoiled

SCHEMA = json.loads(Path("schemas/files/observation.json").read_text("utf-8"))
VALID: Any = jsonschema.Draft202012Validator(SCHEMA)
#: Limits: a usual one, one between, and a small one.
NUMBERS = {"max_body_bytes": (1024 * 1024, 777_777, 8_000), "max_documents": (1_000, 77, 5)}
#: The switches that `observe` sees without a probe.
SEARCHED = [*NUMBERS, "too_many_documents", "context_overflow"]
#: The switches that `observe` sees, in each revision.
SEEN = {name: [*(s.name for s in probed(load_contract(name))), *SEARCHED] for name in revisions()}
#: How many combinations are tried in each revision.
COMBINATIONS = int(os.environ.get("COMBINATIONS", "4"))


def drawn(revision: str, number: int) -> Behaviour:
    """Return a behaviour with values at random; with numbers in a row each value comes once."""
    values: dict[str, Any] = {}
    contract = load_contract(revision)
    choices: dict[str, Sequence[Any]] = {
        name: NUMBERS.get(name) or [value.value for value in contract.switches[name].values]
        for name in SEEN[revision]
    }
    for name, allowed in choices.items():
        shuffled = random.Random(name).sample(allowed, len(allowed))
        if number >= len(shuffled):
            shuffled = random.Random(f"{name} {number}").sample(allowed, len(allowed))
        values[name] = shuffled[number % len(shuffled)]
    return replace(load_behaviour("observed", mock_contract(revision)), **values)


def observed(
    behaviour: Behaviour | str, revision: str, path: Path, *options: str, code: int = 0
) -> AnyJson:
    """Observe a mock with the behaviour; return what was written."""
    with (
        pytest.MonkeyPatch.context() as patch,
        serve_rerank(behaviour=behaviour, revision=revision, fail_on="nothing") as mock,
    ):
        patch.setenv("SILICONFLOW_API_KEY", mock.api_key)
        words = [f"--target={mock.base_url}", f"--revision={revision}", f"--output={path}"]
        assert main(["observe", *words, *options]) == code
        assert mock.api_key not in path.read_text("utf-8")
    return json.loads(path.read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("number", range(COMBINATIONS))
@pytest.mark.parametrize("revision", SEEN)
def test_a_mock_that_was_observed_is_imitated_whatever_it_does(
    revision: str, number: int, tmp_path: Path
) -> None:
    behaviour, path = drawn(revision, number), tmp_path / "behaviour.json"
    found = observed(behaviour, revision, path, f"--model={BGE}")
    VALID.validate(found)
    imitated = asdict(load_behaviour(str(path), mock_contract(revision)))
    # Without `meta` there are no billed units.
    hidden = {"billed_image_tokens"} if behaviour.usage == "tokens" else set[str]()
    if behaviour.max_body_bytes < 20_000:
        hidden.add("context_overflow")
    for name in set(SEEN[revision]) - hidden:
        assert imitated[name] == asdict(behaviour)[name], name


@pytest.mark.slow(covered=True)
def test_a_spent_budget_names_what_was_not_tried_and_keeps_a_fuller_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "behaviour.json"
    options = (f"--model={BGE}", "--effort=standard", "--max-requests=6")
    found = observed("page", "2026-07", path, *options, code=3)
    printed = capsys.readouterr().out
    seen = {name for name, row in found["observed"]["switches"].items() if row["values"]}
    (line,) = (line for line in printed.splitlines() if line.startswith("not tried, "))
    assert line.endswith(" of 30 switches (the budget of 6 requests is spent):")
    assert not seen & set(printed.partition(line)[2].splitlines()[1].strip().split(", "))
    assert int(line.split()[2]) == len(set(SEEN["2026-07"]) - set(SEARCHED) - seen)

    fuller = observed("page", "2026-07", path, *options[:2])
    assert "not tried" not in capsys.readouterr().out
    assert observed("page", "2026-07", path, *options, code=3) == fuller
    older = len([row for row in fuller["observed"]["switches"].values() if row["values"]])
    assert f"the older file is kept: {older} switches were seen there" in capsys.readouterr().err


@pytest.mark.slow(covered=True)
def test_what_was_seen_is_printed_with_its_cost_and_what_was_not_with_what_would_show_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "b.json"
    found = observed("page", "2026-07", path)["observed"]["switches"]
    printed = capsys.readouterr().out
    seen, _, rest = printed.partition("not seen, and what would show it:\n")
    assert seen.startswith("plan: about ")
    assert re.search(r"\n.* by revision 2026-07: [89]\d requests, \d+ tokens, ", seen)
    assert "  trailing_slash: not_found; last seen by 2026-07: redirect\n" in seen
    assert "  offline_model: disabled, as last seen by 2026-07\n" in seen
    assert "  authorization_scheme: required\n" in seen
    assert "  max_body_bytes: 4194304\n  " in seen
    assert "  max_documents: at least 2049\n  " in seen
    assert "  retry_after: a 429\n" in rest
    assert rest.splitlines()[-1].endswith(f"rerank-mock serve --behaviour {path}")
    # A model that does not chunk is sent a long document.
    (truncated,) = found["context_overflow"]["values"]
    assert truncated["value"] == "truncate"
    assert '"model": "Qwen/Qwen3-Reranker-0.6B", "query": "a"' in truncated["request"]
    assert truncated["request"].endswith("(81922 characters)\"]}' (cut)")
    # Three models are asked, each once.
    assert [value["times"] for value in found["trailing_slash"]["values"]] == [3]


def observation(*answers: Answer) -> AnyJson:
    """Return what is written of a target that answers the probe of `wrong_method` so."""
    run, _ = new_run()
    ticks: Iterator[float] = iter([0.0, 86_400.0, 172_800.0])
    run.probes.now = lambda: next(ticks)
    target = in_turn(*answers)
    for _ in answers:
        judge = Judge(run, target, "a test", frozenset({"endpoint.wrong_method"}))
        examine_switch(judge, MODELS[BGE], "wrong_method")
    written = json.loads(WRITERS["behaviour-json"].write(report_of(run)))
    VALID.validate(written)
    return written


def test_evidence_is_how_often_and_when_it_was_last_seen_and_a_line_for_the_shell() -> None:
    refused = answer("no", 405)
    written = observation(refused, refused)
    assert written["wrong_method"] == "method_not_allowed"
    assert written["observed"]["switches"]["wrong_method"]["values"] == [
        {
            "value": "method_not_allowed",
            "times": 2,
            "last_seen": "1970-01-02T00:00:00Z",
            "request": "curl -sS -i -X GET http://127.0.0.1:8787/v1/rerank -H "
            "\"Authorization: Bearer $SILICONFLOW_API_KEY\" -H 'Content-Type: application/json'",
            "status": 405,
            "answer": 'status 405, "no"',
        }
    ]


@pytest.mark.parametrize(
    ("statuses", "values", "unlike"),
    [((405, 404), ["method_not_allowed", "not_found"], 0), ((405, 418), ["method_not_allowed"], 1)],
)
def test_a_target_that_is_not_steady_is_not_imitated_there(
    statuses: tuple[int, ...], values: list[str], unlike: int
) -> None:
    written = observation(*(answer("no", status) for status in statuses))
    row = written["observed"]["switches"]["wrong_method"]
    assert "wrong_method" not in written
    assert [value["value"] for value in row["values"]] == values
    assert (row["unlike"] or {"times": 0})["times"] == unlike


@pytest.mark.slow
def test_where_nothing_can_be_seen_it_says_why_and_an_older_file_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILICONFLOW_API_KEY", "sk-nobody")
    path = tmp_path / "b.json"
    path.write_text("before", "utf-8")
    assert main(["observe", "--target=http://127.0.0.1:9/v1", f"--output={path}"]) == 3
    assert path.read_text("utf-8") == "before"
    assert "127.0.0.1:9" in capsys.readouterr().err


def test_whatever_is_wrong_in_a_file_it_is_imitated_or_refused(tmp_path: Path) -> None:
    path, good, said = tmp_path / "b.json", observation(answer("no", 405)), list[str]()
    switches = good["observed"]["switches"]
    good["observed"]["switches"] = {"wrong_method": switches["wrong_method"]}
    for content in spoiled({**good, "max_documents": 5}):
        path.write_text(json.dumps(content), "utf-8")
        try:
            load_behaviour(str(path))
        except BehaviourError as error:
            said.append(str(error))
    assert said
    for each in said:
        assert each.startswith(f"{path}: ")
        assert each.isprintable()
        assert len(each) < 1000


def test_a_file_of_another_revision_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path, other = tmp_path / "b.json", observation(answer("no", 405))
    other["observed"]["revision"] = "2024-11"
    path.write_text(json.dumps(other), "utf-8")
    with pytest.raises(BehaviourError) as raised:
        load_behaviour(str(path))
    trouble = "was observed by revision '2024-11', the mock keeps '2026-07': set --revision"
    assert str(raised.value) == f"{path}: $.observed.revision: {trouble}"
