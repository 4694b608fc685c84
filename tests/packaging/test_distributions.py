"""What is in the wheel and in the sdist, compared with the tree that they were built from."""

import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from .conftest import install, make_environment

pytestmark = pytest.mark.slow

ROOMS = ("schemas", "vectors", "mockserver", "contract_tests")


def files(folder: Path) -> set[str]:
    """Return the relative names of all files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_holds_the_face_and_the_rooms_and_nothing_else(tree: Path, wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    guides = {name for room in ROOMS for name in files(tree / room) if name.endswith(".md")}
    rooms = {
        f"rerank_contract/{room}/{name}" for room in ROOMS for name in files(tree / room) - guides
    }
    face = {f"rerank_contract/{name}" for name in files(tree / "rerank_contract")}
    assert packed == face | rooms


def test_the_wheel_holds_what_each_room_lives_by(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        packed = set(archive.namelist())

    assert packed >= {
        "rerank_contract/schemas/revisions/2024-11/behaviours.json",
        "rerank_contract/__init__.py",
        "rerank_contract/py.typed",
        "rerank_contract/schemas/revisions/2026-07/requirements.json",
        "rerank_contract/schemas/files/requirements.json",
        "rerank_contract/vectors/runner.mjs",
        "rerank_contract/mockserver/py.typed",
        "rerank_contract/mockserver/testing/plugin.py",
        "rerank_contract/contract_tests/py.typed",
        "rerank_contract/contract_tests/installed.ini",
        "rerank_contract/contract_tests/conftest.py",
    }


def test_the_sdist_is_the_checkout_without_hidden_files(tree: Path, sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
    packed = {member.name.partition("/")[2] for member in members}

    made = {"PKG-INFO", "setup.cfg"} | {name for name in packed if ".egg-info/" in name}
    assert packed - made == {name for name in files(tree) if not name.startswith(".")}


def test_sdist_and_wheel_install_the_same_files(
    environment: Path, sdist: Path, tmp_path: Path
) -> None:
    assert installed_files(install(sdist, make_environment(tmp_path))) == installed_files(
        environment
    )


def installed_files(environment: Path) -> set[str]:
    """Return name, digest and size of each installed file, as pip has recorded them."""
    (record,) = environment.glob("lib/python*/site-packages/rerank_contract-*.dist-info/RECORD")
    lines = record.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line.startswith("rerank_contract/") and "sha256" in line}
