"""The contract is a value: revisions that ship, revisions in a folder, and none read at import."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mockserver.behaviour import Behaviour, presets
from mockserver.contract import SCHEMAS, ContractError, load_contract, revisions
from mockserver.state.store import State
from tests.mockserver.asking import BGE, CONTRACT, ask, fields, read, rerank
from tests.mockserver.command.commands import status_of
from tests.schemas.data import REVISIONS as SHIPPED

if TYPE_CHECKING:
    from mockserver.testing.fixtures import RerankMock

ROOT = Path(__file__).parents[2]
OLD = "2024-11"

#: Imports every module of the room while no contract can be loaded.
PROBE = """
import importlib, pathlib
from mockserver import contract

def refuse(path):
    raise AssertionError(f"{path} is read at import")

contract._read = refuse
for path in sorted(pathlib.Path("mockserver").rglob("*.py")):
    name = ".".join(path.with_suffix("").parts)
    if not name.endswith("__init__"):
        importlib.import_module(name)
"""


def test_no_module_reads_a_contract_at_import() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=ROOT, stderr=subprocess.PIPE, check=False
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_every_shipped_revision_is_read_and_the_newest_by_default() -> None:
    assert revisions() == sorted(SHIPPED)
    assert load_contract() is load_contract(max(SHIPPED))
    for name, shipped in SHIPPED.items():
        contract = load_contract(name)
        assert contract.revision == name
        assert list(contract.models) == [row["id"] for row in shipped.tables["models"]]
        assert list(contract.errors) == [row["id"] for row in shipped.tables["errors"]]


def test_a_contract_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        CONTRACT.revision = OLD  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def test_the_switches_without_a_choice_are_the_preset_observed_of_the_newest_revision() -> None:
    assert Behaviour() == presets(CONTRACT)["observed"]


def test_each_state_keeps_the_revision_that_it_was_given() -> None:
    old, new = State(contract=load_contract(OLD)), State()
    assert rerank(old)["tokens"]["output_tokens"] == 0
    assert "meta" not in rerank(old)
    assert "tokens" not in rerank(new)
    for state, documents, status in ((old, "apple", 400), (new, "apple", 200)):
        assert ask(state, fields(documents=documents)).status == status


def test_a_number_is_a_breach_only_where_the_revision_states_a_minimum() -> None:
    old, new = State(contract=load_contract(OLD)), State()
    for state in (old, new):
        ask(state, fields(top_n=0))
    assert [advice.id for advice in new.journal[0].advice] == ["top_n_below_one"]
    assert old.journal[0].advice == ()


def test_a_field_that_a_revision_does_not_know_has_no_effect() -> None:
    old = State(contract=load_contract(OLD))
    plain, instructed = rerank(old), rerank(old, instruction="Prefer fruit.")
    assert [plain[name] for name in ("results", "tokens")] == [
        instructed[name] for name in ("results", "tokens")
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(copytree(SCHEMAS / "revisions" / CONTRACT.revision, tmp_path / "made-up"))


def edit(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_revision_of_ones_own_needs_no_code(folder: Path) -> None:
    def change_form(form: Any) -> None:  # noqa: ANN401 - a schema
        form["properties"]["top_n"]["maximum"] = 3
        form["properties"]["depth"] = {"type": "integer", "minimum": 2}
        del form["properties"]["return_documents"]

    def drop_reference(form: Any) -> None:  # noqa: ANN401 - a schema
        del form["properties"]["return_documents"]

    edit(folder / "request.classic.json", change_form)
    edit(folder / "request.multimodal.json", drop_reference)
    edit(folder / "models.json", lambda rows: rows[0]["supports"].append("depth"))
    edit(folder / "errors.json", lambda rows: rows[0].update(message="No such model here."))
    state = State(contract=load_contract(folder))

    assert len(rerank(state, top_n=3)["results"]) == 3
    assert read(ask(state, fields(top_n=4)))["message"] == "top_n: Must be less than or equal to 3"
    assert read(ask(state, fields(depth=1)))["message"].startswith("depth: Must be greater")
    assert ask(state, fields(depth=2.0)).status == 200
    assert rerank(state, return_documents=True)["results"][0]["document"] is None
    assert read(ask(state, fields(model="unknown")))["message"] == "No such model here."
    last = state.journal[-2].advice
    assert [advice.id for advice in last] == ["unknown_field"]
    state.behaviour = "strict"
    gated = ask(state, fields(model="Qwen/Qwen3-Reranker-8B", depth=2))
    assert read(gated)["message"] == "depth: Is not supported by Qwen/Qwen3-Reranker-8B"


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("models.json", "[", "models.json: is not JSON: "),
        ("models.json", '[{"id": 1}]', r"models.json: \$\[0\]"),
        ("errors.json", None, "errors.json: cannot be read: No such file"),
        ("behaviours.json", "{}", r"behaviours.json: \$: "),
        ("request.classic.json", None, "contains no request.classic.json"),
        ("request.classic.json", "[]", "request.classic.json: is not the schema of an object"),
        ("request.classic.json", '{"$id": "a", "type": 7}', "is not a JSON Schema"),
        ("request.multimodal.json", None, r"\$\[\d\].form: there is no request.multimodal.json"),
    ],
)
def test_a_wrong_revision_is_named_with_what_is_wrong(
    folder: Path, name: str, text: str | None, complaint: str
) -> None:
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=complaint):
        load_contract(folder)


def test_an_unknown_revision_is_a_mistake_in_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("serve", "--revision", "1999-01") == 2
    complaint = "1999-01: neither a revision (2024-11, 2026-07) nor a folder with one"
    assert capsys.readouterr().err == f"rerank-mock: {complaint}\n"


@pytest.mark.rerank_mock(revision=OLD)
@pytest.mark.parametrize("fixture", ["rerank_mock", "rerank_server"])
def test_a_marker_names_the_revision_of_a_fixture(
    request: pytest.FixtureRequest, fixture: str
) -> None:
    mock: RerankMock = request.getfixturevalue(fixture)
    headers = {"Authorization": f"Bearer {mock.api_key}"}
    body = {"model": BGE, "query": "a", "documents": ["a"]}
    answer = httpx.post(f"{mock.base_url}/rerank", headers=headers, json=body).json()
    assert answer["tokens"] == {"input_tokens": 2, "output_tokens": 0}


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        (
            "rerank_mock_revision = 1999-01",
            "ini option rerank_mock_revision 1999-01: neither a revision",
        ),
        ("rerank_mock_revision = 2024-11", ""),
    ],
)
def test_an_ini_option_names_the_revision_of_all_fixtures(
    pytester: pytest.Pytester, option: str, complaint: str
) -> None:
    pytester.makeini(f"[pytest]\n{option}\n")
    pytester.makepyfile(
        "def test_it(rerank_mock): assert rerank_mock.state.contract.revision == '2024-11'"
    )
    plugins = ("-p", "no:rerank_mock", "-p", "no:rerank_oracle", "-p", "mockserver.testing.plugin")
    result = pytester.runpytest_inprocess(*plugins)
    assert result.ret == bool(complaint)
    assert complaint in result.stdout.str()
