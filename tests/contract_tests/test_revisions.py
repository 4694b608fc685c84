"""The contract is a value: revisions that ship, revisions in a folder, and none read at import."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from shutil import copytree

import pytest

from contract_tests.__main__ import main
from contract_tests.contract import REVISIONS, AnyJson, RevisionError, load_contract, revisions
from contract_tests.exchanges import Answer, Request, is_object, member
from contract_tests.mutants.operators import Answerer, Sender
from tests.contract_tests.judged import ROOT, Judged
from tests.contract_tests.newest import NEWEST
from tests.schemas.data import REVISIONS as SHIPPED

BGE = "BAAI/bge-reranker-v2-m3"
OLD = "2024-11"

#: Imports every module of the room while no file of a contract can be read.
PROBE = """
import importlib, pathlib
from contract_tests import contract

def refuse(folder, name):
    raise AssertionError(f"{name} is read at import")

contract._read = refuse
for path in sorted(pathlib.Path("contract_tests").rglob("*.py")):
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


def old_service(send: Sender, request: Request) -> Answer:
    """Answer as the contract of November 2024 has it, with the help of today's mock."""
    body = request.body
    if isinstance(member(body, "documents"), str):
        return send(replace(request, body={**body, "documents": None}))
    answer = send(request)
    if answer.status != 200:
        return answer
    tokens = {"input_tokens": 1, "output_tokens": 0}
    return replace(answer, body=json.dumps({**answer.json, "tokens": tokens}).encode())


def test_a_service_of_2024_keeps_the_contract_of_2024(judged: Callable[..., Judged]) -> None:
    run = judged(f"--revision={OLD}", instead=old_service)
    assert (run.code, run.verdict, run.report["revision"]) == (0, "conforms", OLD)
    assert {row["id"] for row in run.report["requirements"]} == set(load_contract(OLD).requirements)
    assert run.that("off") == {
        "request.documents.delicate",
        "request.max_chunks_per_doc.best_chunk",
    }


def test_a_service_of_today_breaks_the_contract_of_2024_where_both_contradict(
    judged: Callable[..., Judged],
) -> None:
    run = judged(f"--revision={OLD}")
    assert run.that("failed") == {"request.documents.array_only", "response.tokens.required"}


def test_a_service_of_2024_breaks_the_contract_of_today_where_both_contradict(
    judged: Callable[..., Judged],
) -> None:
    assert judged(instead=old_service).that("failed") == {"request.documents.string"}


def keyword(id_: str, pointer: str, sentence: str) -> AnyJson:
    return {
        "id": id_,
        "level": "spec",
        "sentence": sentence,
        "source": {"kind": "page", "section": "Body", "field": "depth"},
        "applies_to": [pointer] if pointer else [],
    }


def made_up(folder: Path) -> Path:
    """Make a revision: a bound moved, a model and a gated field more, a field less."""
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
    return folder


def deep_service(*, checks_depth: bool) -> Answerer:
    """Serve the made-up revision, with the help of today's mock."""

    def answer(send: Sender, request: Request) -> Answer:
        if not is_object(request.body):
            return send(request)
        body = dict(request.body)
        depth, overlap = body.pop("depth", 2), body.get("overlap_tokens")
        is_deep = body.get("model") == "BAAI/bge-deep"
        if is_deep:
            body["model"] = BGE
        wrong = type(depth) is not int or not 2 <= depth <= 9
        if is_deep and checks_depth and wrong and depth is not None:
            body["query"] = None
        if type(overlap) is int and 80 < overlap <= 100:
            body["overlap_tokens"] = 80
        return send(replace(request, body=body))

    return answer


DEPTH = {
    f"request.depth.{name}"
    for name in ("type", "minimum", "maximum", "supported", "gated", "default")
}


def test_a_made_up_revision_is_judged_without_any_code(
    tmp_path: Path, judged: Callable[..., Judged]
) -> None:
    folder = made_up(tmp_path)
    run = judged(f"--revision={folder}", instead=deep_service(checks_depth=True))

    assert (run.code, run.verdict) == (0, "conforms")
    assert run.that("passed") >= DEPTH | {"request.overlap_tokens.maximum"}
    assert not any("return_documents" in row["id"] for row in run.report["requirements"])
    sent = [request.body for request in run.requests if is_object(request.body)]
    overlaps = {body["overlap_tokens"] for body in sent if type(body.get("overlap_tokens")) is int}
    assert {0, 100} <= overlaps
    assert 101 in overlaps
    assert not any("return_documents" in body for body in sent)


def test_a_made_up_field_that_is_not_checked_is_found(
    tmp_path: Path, judged: Callable[..., Judged]
) -> None:
    folder = made_up(tmp_path)
    run = judged(f"--revision={folder}", instead=deep_service(checks_depth=False))

    broken = {"request.depth.type", "request.depth.minimum", "request.depth.maximum"}
    assert run.that("failed") == broken
