"""What changed between two revisions, and whom it breaks."""

import json
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from contract_tests.command.diff import RevisionChange, changes
from contract_tests.contract import load_contract
from tests.contract_tests.newest import NEWEST
from tests.contract_tests.test_revisions import made_up

OLD = load_contract("2024-11")
OFFLINE = "models.netease-youdao/bce-reranker-base_v1.state"


def found(old: str | Path, new: str | Path) -> dict[str, RevisionChange]:
    return {change.place: change for change in changes(load_contract(old), load_contract(new))}


@pytest.mark.parametrize(
    ("place", "old", "new", "breaks"),
    [
        ("request.documents.type", "array", ["string", "array"], "servers"),
        ("request.overlap_tokens.default", 80, None, "clients"),
        ("request.top_n.minimum", None, 1, "clients"),
        ("request.query.minLength", None, 1, "clients"),
        ("request.instruction", None, "optional", "servers"),
        ("request.multimodal", None, "a form of requests", "servers"),
        ("response.tokens", "required", None, "clients"),
        ("response.meta", None, "optional", "neither"),
        ("error.message", None, "required", "servers"),
        (OFFLINE, "online", "offline", "clients"),
        ("models.Qwen/Qwen3-Reranker-8B", None, "a model", "servers"),
        ("errors.forbidden.level", "open", "spec", "servers"),
        ("errors.busy.level", "open", "observed", "neither"),
        ("requirements.request.instruction.gated", None, "spec", "servers"),
        ("requirements.error.body.string", "spec", None, "neither"),
    ],
)
def test_a_change_is_found_with_whom_it_breaks(
    place: str, old: object, new: object, breaks: str
) -> None:
    change = found("2024-11", "2026-07")[place]
    assert (change.old, change.new, change.breaks) == (old, new, breaks)


@pytest.mark.parametrize(
    ("place", "breaks"),
    [
        ("request.documents.type", "clients"),
        ("request.top_n.minimum", "servers"),
        ("request.instruction", "clients"),
        ("request.multimodal", "clients"),
        ("response.tokens", "servers"),
        ("response.meta", "clients"),
        (OFFLINE, "neither"),
        ("models.Qwen/Qwen3-Reranker-8B", "clients"),
    ],
)
def test_the_way_back_breaks_the_others(place: str, breaks: str) -> None:
    assert found("2026-07", "2024-11")[place].breaks == breaks


def test_a_made_up_revision_is_compared(tmp_path: Path) -> None:
    seen = found(NEWEST.revision, made_up(tmp_path))
    changed = {place: change.breaks for place, change in seen.items()}
    assert changed.pop("errors.model_not_found") == "clients"
    rest = {place: breaks for place, breaks in changed.items() if place[:2] not in ("re", "er")}
    assert rest == {"models.BAAI/bge-deep": "servers"}
    assert {place: whom for place, whom in changed.items() if place.startswith("request.")} == {
        "request.return_documents": "clients",
        "request.overlap_tokens.maximum": "servers",
        "request.depth": "servers",
    }


def test_a_revision_does_not_differ_from_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "2026-07", "2026-07"]) == 0
    assert capsys.readouterr().out == "no difference\n"


def test_the_command_prints_lines_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "2024-11", "2026-07"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "request.top_n.minimum: nothing -> 1 (breaks clients)" in lines
    assert "request.documents.type: array -> string or array (breaks servers)" in lines

    assert main(["diff", "2024-11", "2026-07", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == len(lines)
    assert rows == [change.to_json() for change in changes(OLD, NEWEST)]


def test_an_unknown_revision_is_a_mistake_in_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["diff", "2024-11", "1999-01"])
    assert caught.value.code == 2
    assert "there is no revision 1999-01" in capsys.readouterr().err
