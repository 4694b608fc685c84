"""The files around the code agree with each other: pins, versions, targets, links and paths."""

import re
from pathlib import Path
from typing import Any

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]

PYPROJECT: dict[str, Any] = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

#: One pin: a name, an exact version, perhaps a marker, and the digests of its files.
PIN = re.compile(
    r"(?P<requirement>[a-z0-9-]+==[\w.]+(?: ; [^\\\n]+)?)(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n"
)

#: A path on somebody's machine: a home, or the folder that this checkout happens to lie in.
MACHINE_PATH = re.compile(
    rf"(?<![\w./~-])(?:(?:/home|/root|/Users|[A-Z]:\\Users)\b|{re.escape(str(ROOT))}/)"
)

#: Not those in `build`, which are copies.
GUIDES = [*ROOT.glob("*.md"), *ROOT.glob("[ac-z]*/**/*.md"), *ROOT.glob("benchmarks/**/*.md")]
DATA = [*ROOT.glob("schemas/**/*.json")]


def asked_for() -> list[Requirement]:
    """Return every requirement of the package, of its development and of its build."""
    lines = [
        *PYPROJECT["project"]["dependencies"],
        *PYPROJECT["dependency-groups"]["dev"],
        *PYPROJECT["build-system"]["requires"],
    ]
    return [Requirement(line) for line in lines]


def pins() -> list[Requirement]:
    return [Requirement(match["requirement"]) for match in PIN.finditer(CONSTRAINTS)]


def test_constraints_hold_exact_versions_with_digests_and_nothing_else() -> None:
    lines = CONSTRAINTS.splitlines(keepends=True)
    assert PIN.sub("", "".join(line for line in lines if not line.startswith("#"))) == ""


@pytest.mark.parametrize("requirement", asked_for(), ids=str)
def test_constraints_cover(requirement: Requirement) -> None:
    versions = [
        next(iter(pin.specifier)).version
        for pin in pins()
        if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
    ]
    assert versions
    assert all(requirement.specifier.contains(version) for version in versions)


def test_the_changelog_tells_of_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{PYPROJECT['project']['version']}]" in changelog


def test_the_guide_for_contributors_names_the_targets_that_exist() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (targets,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)

    assert set(re.findall(r"`make (?:[A-Z]+=\S+ )?([a-z-]+)`", guide)) == set(targets.split())
    assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in targets.split())


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_guides_lead_somewhere(guide: Path) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)#]+)", guide.read_text(encoding="utf-8"))
    assert [link for link in links if not (guide.parent / link).exists()] == []


@pytest.mark.parametrize("path", [*GUIDES, *DATA], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_machine_path_in(path: Path) -> None:
    assert MACHINE_PATH.search(path.read_text(encoding="utf-8")) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cd /home/ann/rerank", True),
        (r"at C:\Users\ann", True),
        (f"see {ROOT}/README.md", True),
        ("POST /v1/rerank/", False),
        ("https://example.org/home/page", False),
        ("~/.venv", False),
    ],
)
def test_a_machine_path_is_recognised(text: str, *, found: bool) -> None:
    assert bool(MACHINE_PATH.search(text)) is found
