"""The contract is a value: revisions that ship, revisions in a folder, and none read at import."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from shutil import copytree

import pytest

from contract_tests.__main__ import main
from contract_tests.contract import REVISIONS, AnyJson, RevisionError, load_contract, revisions
from contract_tests.exchanges import Answer, Request, is_object
from contract_tests.mutants.operators import Sender
from mockserver import serve_rerank
from tests.contract_tests.judged import ROOT, Judged
from tests.contract_tests.newest import NEWEST
from tests.schemas.data import REVISIONS as SHIPPED

pytestmark = pytest.mark.slow

BGE = "BAAI/bge-reranker-v2-m3"
OLD = "2024-11"

#: Imports every module of the room while no file of a contract can be read. Drivers need the
#: libraries of published clients.
PROBE = """
import importlib, pathlib
from contract_tests import contract

def refuse(folder, name):
    raise AssertionError(f"{name} is read at import")

contract._read = refuse
for path in sorted(pathlib.Path("contract_tests").rglob("*.py")):
    name = ".".join(path.with_suffix("").parts)
    if not name.endswith("__init__") and "drivers" not in path.parts:
        importlib.import_module(name)
"""


def test_no_module_reads_a_contract_at_import() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=ROOT, stderr=subprocess.PIPE, check=False
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_every_shipped_revision_is_read_and_the_newest_by_default() -> None:
    assert list(revisions()) == sorted(SHIPPED)
    assert NEWEST.revision == max(SHIPPED)
    for name, shipped in SHIPPED.items():
        contract = load_contract(name)
        assert contract.revision == name
        assert [f"request.{form}" for form in contract.forms] == shipped.forms
        assert list(contract.requirements) == [row["id"] for row in shipped.tables["requirements"]]
        assert list(contract.models) == [row["id"] for row in shipped.tables["models"]]
        assert list(contract.switches) == [row["name"] for row in shipped.behaviours["switches"]]


def test_a_contract_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        NEWEST.revision = OLD  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def copy(folder: Path) -> Path:
    return Path(copytree(REVISIONS / NEWEST.revision, folder / "revision"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"supports": ["depth"]}, "supports depth, which its form lacks"),
        ({"form": "multimodal"}, "has the form multimodal, without a schema"),
    ],
)
def test_a_model_must_fit_the_forms(
    tmp_path: Path, change: dict[str, AnyJson], complaint: str
) -> None:
    folder = Path(copytree(REVISIONS / OLD, tmp_path / "revision"))
    rows = json.loads((folder / "models.json").read_text("utf-8"))
    (folder / "models.json").write_text(json.dumps([{**rows[0], **change}]), "utf-8")
    with pytest.raises(RevisionError, match=complaint):
        load_contract(folder)


def test_a_revision_is_read_from_a_folder(tmp_path: Path) -> None:
    contract = load_contract(copy(tmp_path))
    assert contract.revision == str(tmp_path / "revision")
    assert contract.requirements == NEWEST.requirements


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("models.json", "[", "models.json is not JSON: "),
        ("models.json", '[{"id": 1}]', r"models.json: \$\[0\]: "),
        ("requirements.json", "{}", r"requirements.json: \$: "),
        ("behaviours.json", "{}", r"behaviours.json: \$: "),
        ("response.json", None, "response.json cannot be read: No such file"),
        ("errors.json", None, "errors.json cannot be read: No such file"),
    ],
)
def test_a_wrong_revision_is_named_with_what_is_wrong(
    tmp_path: Path, name: str, text: str | None, complaint: str
) -> None:
    folder = copy(tmp_path)
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text, "utf-8")
    with pytest.raises(RevisionError, match=complaint):
        load_contract(folder)


def edit(path: Path, change: Callable[[AnyJson], object]) -> None:
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def test_a_reference_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    edit(folder / "request.classic.json", lambda form: form["properties"].pop("return_documents"))
    place = r"request.multimodal.json: /properties/return_documents: its \$ref leads nowhere"
    with pytest.raises(RevisionError, match=place):
        load_contract(folder)


def test_a_requirement_of_a_keyword_that_is_gone_is_named(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    edit(folder / "request.classic.json", lambda form: form["properties"]["top_n"].pop("minimum"))
    place = r"request.top_n.minimum: applies to request.classic#/properties/top_n/minimum, which"
    with pytest.raises(RevisionError, match=place):
        load_contract(folder)


def test_a_schema_that_is_none_is_named(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    change = {"maximum": "80"}
    edit(folder / "request.classic.json", lambda form: form["properties"]["top_n"].update(change))
    with pytest.raises(RevisionError, match=r"request.classic.json: \$.properties.top_n.maximum: "):
        load_contract(folder)


@pytest.mark.parametrize("command", [["check"], ["list"], ["client", "--wait"]])
def test_an_unknown_revision_is_a_mistake_in_usage(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*command, "--revision=1999-01"])
    assert caught.value.code == 2
    complaint = capsys.readouterr().err
    assert "there is no revision 1999-01: name a folder, or one of 2024-11, 2026-07" in complaint


def test_the_revisions_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--revisions"]) == 0
    assert capsys.readouterr().out == "2024-11\n2026-07  (newest)\n"


def test_the_requirements_of_another_revision_are_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["list", f"--revision={OLD}"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(load_contract(OLD).requirements)


@pytest.fixture
def mock_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Serve the mock of a revision; return the option that has it judged."""
    with ExitStack() as stack:

        def serve(revision: str) -> str:
            mock = stack.enter_context(serve_rerank(revision=revision, fail_on="nothing"))
            monkeypatch.setenv("SILICONFLOW_API_KEY", mock.api_key)
            return f"--target={mock.base_url}"

        yield serve


@pytest.mark.parametrize("revision", revisions())
def test_the_mock_of_a_revision_passes_its_judge(
    revision: str, judged: Callable[..., Judged]
) -> None:
    run = judged(f"--revision={revision}")
    assert (run.code, run.verdict, run.report["revision"]) == (0, "conforms", revision)
    asked = {row["id"] for row in run.report["requirements"]}
    assert asked == load_contract(revision).requirements.keys()
    assert run.that("off") <= {
        "request.documents.delicate",
        "request.max_chunks_per_doc.best_chunk",
        "request.multimodal.video",
    }


@pytest.mark.parametrize(
    ("served", "judging", "contradictions"),
    [
        (NEWEST.revision, OLD, {"request.documents.array_only", "response.tokens.required"}),
        (
            OLD,
            NEWEST.revision,
            {
                "request.documents.string",
                "request.query.minLength",
                "request.top_n.minimum",
                "request.max_chunks_per_doc.minimum",
                "request.overlap_tokens.minimum",
            },
        ),
    ],
)
def test_the_mock_of_a_revision_fails_another_judge_where_both_contradict(
    served: str,
    judging: str,
    contradictions: set[str],
    judged: Callable[..., Judged],
    mock_of: Callable[[str], str],
) -> None:
    run = judged(mock_of(served), f"--revision={judging}", f"--model={BGE}")
    assert run.that("failed") == contradictions


def keyword(id_: str, pointer: str, sentence: str) -> AnyJson:
    return {
        "id": id_,
        "level": "spec",
        "sentence": sentence,
        "source": {"kind": "page", "section": "Body", "field": "depth"},
        "applies_to": [pointer] if pointer else [],
    }


def made_up(folder: Path) -> Path:
    """Make a revision: another bound, other error texts, a model and a field more, a field less."""
    folder = copy(folder)

    def edit(name: str, change: Callable[[AnyJson], AnyJson]) -> None:
        path = folder / f"{name}.json"
        path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")))), "utf-8")

    def classic(schema: AnyJson) -> AnyJson:
        fields = schema["properties"]
        fields["overlap_tokens"]["maximum"] = 100
        fields["depth"] = {"type": "integer", "minimum": 2, "maximum": 9, "default": 4}
        del fields["return_documents"]
        return schema

    def multimodal(schema: AnyJson) -> AnyJson:
        del schema["properties"]["return_documents"]
        return schema

    def models(rows: AnyJson) -> AnyJson:
        deep = {**rows[0], "id": "BAAI/bge-deep", "supports": [*rows[0]["supports"], "depth"]}
        return [*rows, deep]

    def requirements(rows: AnyJson) -> AnyJson:
        place = "request.classic#/properties/depth"
        return [
            *(row for row in rows if "return_documents" not in row["id"]),
            keyword(
                "request.depth.type", f"{place}/type", "A depth that is no integer is refused."
            ),
            keyword("request.depth.minimum", f"{place}/minimum", "A depth of 2 is accepted."),
            keyword("request.depth.maximum", f"{place}/maximum", "A depth of 9 is accepted."),
            keyword("request.depth.supported", "", "A model that supports depth accepts it."),
            keyword("request.depth.gated", "", "A model without depth refuses or ignores it."),
            keyword("request.depth.default", "", "Leaving depth out ranks as 4 does."),
        ]

    edit("request.classic", classic)
    edit("request.multimodal", multimodal)
    edit("models", models)
    edit("requirements", requirements)
    edit("errors", lambda rows: [{**row, "message": f"{row['message']}!"} for row in rows])
    return folder


DEPTH = {
    f"request.depth.{name}"
    for name in ("type", "minimum", "maximum", "supported", "gated", "default")
}


def test_mock_and_judge_run_from_a_made_up_revision_without_any_code(
    tmp_path: Path, judged: Callable[..., Judged]
) -> None:
    folder = made_up(tmp_path)
    run = judged(f"--revision={folder}")

    assert (run.code, run.verdict) == (0, "conforms")
    assert run.that("passed") >= DEPTH | {"request.overlap_tokens.maximum"}
    assert not any("return_documents" in row["id"] for row in run.report["requirements"])
    sent = [request.body for request in run.requests if is_object(request.body)]
    overlaps = {body["overlap_tokens"] for body in sent if type(body.get("overlap_tokens")) is int}
    assert {0, 100, 101} <= overlaps
    assert not any("return_documents" in body for body in sent)


def test_what_a_made_up_revision_adds_is_missed_in_another(
    tmp_path: Path, judged: Callable[..., Judged], mock_of: Callable[[str], str]
) -> None:
    folder = made_up(tmp_path)
    run = judged(mock_of(NEWEST.revision), f"--revision={folder}", "--model=BAAI/bge-deep")
    assert run.report["models"][0]["outcome"] == "skipped"

    run = judged(mock_of(NEWEST.revision), f"--revision={folder}", f"--model={BGE}")
    assert "request.overlap_tokens.maximum" in run.that("failed")


def unchecked(send: Sender, request: Request) -> Answer:
    """Take any depth for a right one."""
    if is_object(request.body) and request.body.get("depth") is not None:
        request = replace(request, body={**request.body, "depth": 2})
    return send(request)


def test_a_made_up_field_that_is_not_checked_is_found(
    tmp_path: Path, judged: Callable[..., Judged]
) -> None:
    run = judged(f"--revision={made_up(tmp_path)}", instead=unchecked)
    broken = {"request.depth.type", "request.depth.minimum", "request.depth.maximum"}
    assert run.that("failed") == broken
