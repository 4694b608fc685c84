"""Clients are installed on demand, whole or not at all, into a folder of their own."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from contract_tests.interop.clients import Client
from contract_tests.interop.installing import InstallError, command, install, place
from contract_tests.interop.running import Session
from contract_tests.interop.tasks import TASKS, Outcome
from contract_tests.targets import HttpTarget
from contract_tests.transport import Route
from tests.independent_server import IndependentServer

from .conftest import KEY


@pytest.fixture
def drivers(tmp_path: Path) -> Path:
    folder = tmp_path / "drivers"
    folder.mkdir()
    return folder


def python_client(drivers: Path, digest: str = "0" * 64) -> Client:
    text = f"small==1.0 --hash=sha256:{digest}\n"
    (drivers / "small.txt").write_text(text, encoding="utf-8")
    return Client("small", "small", ("small.py",), drivers)


def node_client(drivers: Path, **dependencies: str) -> Client:
    asked = {"private": True, "dependencies": dependencies}
    packages = {
        f"node_modules/{name}": {"version": version, "integrity": "sha512-AAAA"}
        for name, version in dependencies.items()
    }
    lock = {"lockfileVersion": 3, "packages": {"": asked, **packages}}
    (drivers / "small.package.json").write_text(json.dumps(asked), encoding="utf-8")
    (drivers / "small.package-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    return Client("small", "small", ("small.cjs",), drivers)


#: Makes a virtual environment of itself, and notes what it installs.
PYTHON = """#!/bin/sh
if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; else
echo "$@" >> installed.log; cat requirements.txt >> installed.log; fi
"""


def test_a_python_client_is_installed_once_with_its_digests(
    drivers: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "python"
    fake.write_text(PYTHON, encoding="utf-8")
    fake.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(fake))
    client = python_client(drivers)
    install(client, folder, {"PATH": os.environ["PATH"]})
    # What is there is not made again, and nothing else is left.
    monkeypatch.setattr(sys, "executable", "/bin/false")
    install(client, folder, {})
    assert list(folder.iterdir()) == [place(client, folder)]
    words, pins = (place(client, folder) / "installed.log").read_text("utf-8").splitlines()
    assert words.startswith("-m pip install ")
    assert "--require-hashes --requirement=requirements.txt" in words
    assert pins == client.pins["requirements.txt"].strip()
    assert command(client, folder)[0] == str(place(client, folder) / "bin/python")


@pytest.mark.slow
def test_a_node_client_is_installed_and_run(
    drivers: Path, folder: Path, server: IndependentServer
) -> None:
    node_client(drivers)
    example = Path(__file__).parents[3] / "docs/examples/client.mjs"
    (drivers / "small.mjs").write_text(example.read_text("utf-8"), encoding="utf-8")
    client = Client("small", "small", ("small.mjs",), drivers)
    skipped = {task.id: "left out" for task in TASKS[1:]}
    with Route().open(server.base_url) as http:
        target = HttpTarget(http, server.base_url, KEY)
        session = Session(target, "BAAI/bge-reranker-v2-m3", KEY, 20, folder)
        found = session.row(client, session.ask_all()[0], skipped).found
    assert found["ranking"].outcome is Outcome.WORKS, found["ranking"].says
    assert place(client, folder).is_dir()


@pytest.mark.slow
def test_a_registry_that_cannot_be_reached_is_reported(drivers: Path, folder: Path) -> None:
    client = node_client(drivers, left="1.0.0")
    settings = {**os.environ, "npm_config_registry": "http://127.0.0.1:9/"}
    with pytest.raises(InstallError, match="the package index cannot be reached: "):
        install(client, folder, settings)
    assert list(folder.iterdir()) == []


def test_without_node_the_message_says_what_to_install(
    drivers: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", Mock(return_value=None))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InstallError, match="no `npm` here: install Node 20 or newer, with npm"):
        install(node_client(drivers), folder, {})


def test_without_venv_the_message_says_what_to_install(
    drivers: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(InstallError, match=r"package python3-venv \(it ended with 1\)"):
        install(python_client(drivers), folder, {})


def test_a_folder_that_cannot_be_made_is_reported(drivers: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InstallError, match="clients cannot be written: Not a directory"):
        install(python_client(drivers), tmp_path / "file/clients", {})


def test_other_pins_are_installed_elsewhere(drivers: Path, folder: Path) -> None:
    before = place(python_client(drivers), folder)
    assert place(python_client(drivers, "1" * 64), folder) != before
