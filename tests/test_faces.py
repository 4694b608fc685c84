"""The public names of the package and of its two rooms: complete, in one table each, and cheap."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import contract_tests
import mockserver
import rerank_contract
from tests.test_walls import is_for_type_checkers

ROOT = Path(__file__).parents[1]
FACES = pytest.mark.parametrize(
    "face", [rerank_contract, mockserver, contract_tests], ids=lambda face: face.__name__
)
#: What a test run or a start of a command can do without until it is used.
HEAVY = ("httpx", "hypothesis", "jsonschema", "jsonschema_rs", "orjson", "pytest", "respx")


def table(face: ModuleType) -> dict[str, str]:
    """Return the table of a face: name -> where it comes from."""
    found: dict[str, str] = getattr(face, "_ROOMS", None) or vars(face)["_MODULES"]
    return found


def shown_to_type_checkers(face: ModuleType) -> dict[str, str]:
    """Return what a face imports for type checkers: name -> where from."""
    tree = ast.parse(Path(str(face.__file__)).read_text(encoding="utf-8"))
    (block,) = filter(is_for_type_checkers, tree.body)
    assert isinstance(block, ast.If)
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert all(node.level == 1 for node in imports)
    return {alias.name: str(node.module) for node in imports for alias in node.names}


@FACES
def test_every_public_name_is_there(face: ModuleType) -> None:
    assert [name for name in face.__all__ if not hasattr(face, name)] == []


@FACES
def test_table_and_type_checkers_and_all_agree(face: ModuleType) -> None:
    assert face.__all__ == sorted(face.__all__)
    assert set(face.__all__) - {"__version__"} == table(face).keys()
    assert shown_to_type_checkers(face) == table(face)
    assert dir(face) == face.__all__


@FACES
def test_no_public_name_is_that_of_a_module(face: ModuleType) -> None:
    rooms = {"mockserver", "contract_tests", "schemas"}
    modules = {path.stem for path in Path(str(face.__file__)).parent.iterdir()} | rooms
    assert modules.isdisjoint(face.__all__)


@FACES
def test_an_unknown_name_is_an_attribute_error(face: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"^module '{face.__name__}' has no attribute 'nope'$"):
        _ = face.nope


def test_what_the_package_offers_is_public_in_its_room() -> None:
    for name, room in table(rerank_contract).items():
        assert name in import_module(room).__all__


@pytest.mark.parametrize(
    "name",
    ["rerank_contract", "rerank_contract.mockserver", "rerank_contract.contract_tests"],
)
def test_importing_a_face_imports_nothing_heavy(name: str) -> None:
    probe = f"import sys, {name}; print(*sys.modules.keys() & set({HEAVY!r}))"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert done.stdout.split() == []


def test_a_bare_checkout_offers_the_same_names() -> None:
    # Without site-packages nothing is installed; what the names need is put on the path by hand.
    probe = f"""
import sys
sys.path += [{str(ROOT)!r}]
import rerank_contract
from rerank_contract.mockserver import State
assert rerank_contract.State is State
print(rerank_contract.__file__, State.__module__)
"""
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path += {libraries!r}\n{probe}"],
        cwd=ROOT.parent,
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.split() == [
        str(ROOT / "rerank_contract/__init__.py"),
        "rerank_contract.mockserver.state.store",
    ]
