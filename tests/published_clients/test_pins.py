"""The published clients are pinned."""

import json
import re

import pytest

from contract_tests.interop.clients import CLIENTS, DRIVERS, Client
from tests.test_repository import PIN

PYTHON = [client for client in CLIENTS if client.runtime == "Python"]
NODE = [client for client in CLIENTS if client.runtime == "Node"]


@pytest.mark.parametrize("client", PYTHON, ids=lambda client: client.name)
def test_requirements_hold_exact_versions_with_digests_and_nothing_else(client: Client) -> None:
    lines = client.pins["requirements.txt"].splitlines(keepends=True)
    assert PIN.sub("", "".join(line for line in lines if not line.startswith("#"))) == ""


@pytest.mark.parametrize("client", PYTHON, ids=lambda client: client.name)
def test_what_is_asked_for_in_python_is_what_is_driven(client: Client) -> None:
    asked = (DRIVERS / f"{client.id}.in").read_text(encoding="utf-8")
    assert re.findall(r"^[\w-]+", asked, re.MULTILINE) == [client.package]


@pytest.mark.parametrize("client", NODE, ids=lambda client: client.name)
def test_npm_packages_have_exact_versions_and_digests(client: Client) -> None:
    asked = json.loads(client.pins["package.json"])["dependencies"]
    root, *packages = json.loads(client.pins["package-lock.json"])["packages"].values()
    assert root["dependencies"] == asked
    assert [
        version for version in asked.values() if not re.fullmatch(r"\d+\.\d+\.\d+", version)
    ] == []
    assert [package for package in packages if not package["integrity"].startswith("sha512-")] == []


def test_every_driver_is_used_and_nothing_else_is_there() -> None:
    used = {"speaking.py", "speaking.cjs"}
    for client in CLIENTS:
        pins = ("in", "txt") if client in PYTHON else ("package.json", "package-lock.json")
        used |= {client.driver[0], *(f"{client.id}.{name}" for name in pins)}
    assert {path.name for path in DRIVERS.glob("*.*")} == used
