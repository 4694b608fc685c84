"""What changed between two revisions, and whom it breaks."""

from pathlib import Path

import pytest

from contract_tests.__main__ import main
from contract_tests.contract import load_contract
from contract_tests.diff.model import Change
from contract_tests.diff.revisions import changes
from tests.contract_tests.diff.diffing import difference, refusal
from tests.contract_tests.newest import NEWEST
from tests.contract_tests.test_revisions import made_up

OLD = load_contract("2024-11")
OFFLINE = "models.netease-youdao/bce-reranker-base_v1.state"


def found(old: str | Path, new: str | Path) -> dict[str, Change]:
    return {change.place: change for change in changes(load_contract(old), load_contract(new))}


@pytest.mark.parametrize(
    ("place", "old", "new", "effect"),
    [
        ("request.documents.type", "array", ["string", "array"], "breaks_servers"),
        ("request.overlap_tokens.default", 80, None, "breaks_clients"),
        ("request.top_n.minimum", None, 1, "breaks_clients"),
        ("request.query.minLength", None, 1, "breaks_clients"),
        ("request.instruction", None, "optional", "breaks_servers"),
        ("request.multimodal", None, "a form of requests", "breaks_servers"),
        ("response.tokens", "required", None, "breaks_clients"),
        ("response.meta", None, "optional", "harmless"),
        ("error.message", None, "required", "breaks_servers"),
        (OFFLINE, "online", "offline", "breaks_clients"),
        ("models.Qwen/Qwen3-Reranker-8B", None, "a model", "breaks_servers"),
        ("errors.forbidden.level", "open", "spec", "breaks_servers"),
        ("errors.busy.level", "open", "observed", "harmless"),
        ("requirements.request.instruction.gated", None, "spec", "breaks_servers"),
        ("requirements.error.body.string", "spec", None, "harmless"),
    ],
)
def test_a_change_is_found_with_whom_it_breaks(
    place: str, old: object, new: object, effect: str
) -> None:
    change = found("2024-11", "2026-07")[place]
    assert (change.old, change.new, change.effect) == (old, new, effect)


@pytest.mark.parametrize(
    ("place", "effect"),
    [
        ("request.documents.type", "breaks_clients"),
        ("request.top_n.minimum", "breaks_servers"),
        ("request.instruction", "breaks_clients"),
        ("request.multimodal", "breaks_clients"),
        ("response.tokens", "breaks_servers"),
        ("response.meta", "breaks_clients"),
        (OFFLINE, "harmless"),
        ("models.Qwen/Qwen3-Reranker-8B", "breaks_clients"),
    ],
)
def test_the_way_back_breaks_the_others(place: str, effect: str) -> None:
    assert found("2026-07", "2024-11")[place].effect == effect


def test_a_made_up_revision_is_compared(tmp_path: Path) -> None:
    seen = found(NEWEST.revision, made_up(tmp_path))
    changed = {place: change.effect for place, change in seen.items()}
    assert changed.pop("errors.model_not_found") == "breaks_clients"
    rest = {place: effect for place, effect in changed.items() if place[:2] not in ("re", "er")}
    assert rest == {"models.BAAI/bge-deep": "breaks_servers"}
    assert {place: whom for place, whom in changed.items() if place.startswith("request.")} == {
        "request.return_documents": "breaks_clients",
        "request.overlap_tokens.maximum": "breaks_servers",
        "request.depth": "breaks_servers",
    }


def test_a_revision_does_not_differ_from_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "2026-07", "2026-07"]) == 0
    assert capsys.readouterr().out == f"no difference in {len(NEWEST.requirements)} requirements\n"


def test_the_command_prints_lines_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "2024-11", "2026-07"]) == 1
    *lines, last = capsys.readouterr().out.splitlines()
    assert "request.top_n.minimum: nothing -> 1 (breaks clients)" in lines
    assert "request.documents.type: array -> string or array (breaks servers)" in lines
    assert last.startswith(f"{len(lines)} changes in ")

    content, code = difference("2024-11", "2026-07", capsys)
    assert (content["kind"], code) == ("revisions", 1)
    rows = {row["place"]: row for row in content["changes"]}
    assert rows["request.top_n.minimum"]["effect"] == "breaks_clients"
    assert len(content["changes"]) == len(lines) == len(list(changes(OLD, NEWEST)))


def test_an_unknown_revision_is_a_mistake_in_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no revision 1999-01" in refusal("2024-11", "1999-01", capsys)
