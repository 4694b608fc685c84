"""The published clients are pinned."""

import json
import re

from tests.test_repository import PIN

from .clients import CLIENTS, HERE


def test_requirements_hold_exact_versions_with_digests_and_nothing_else() -> None:
    lines = (HERE / "requirements.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    assert PIN.sub("", "".join(line for line in lines if not line.startswith("#"))) == ""


def test_npm_packages_have_exact_versions() -> None:
    manifest = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
    versions = manifest["dependencies"].values()
    assert [version for version in versions if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def test_what_is_asked_for_in_python_is_what_is_graded() -> None:
    asked = (HERE / "requirements.in").read_text(encoding="utf-8")
    names = re.findall(r"^[\w-]+", asked, re.MULTILINE)
    assert names == sorted(client.package for client in CLIENTS if client.driver[0].endswith("py"))
