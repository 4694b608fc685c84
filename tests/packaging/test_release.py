"""The pure parts of a release; `make release` does the whole."""

import re

import pytest
import tomli

from tools.release import (
    BY_NAME,
    FROM_CHECKOUT,
    README,
    ReleaseError,
    checked,
    pyproject_of_package,
    readme_of_package,
    version_of,
)

from .conftest import ROOT

REPOSITORY = "https://git.example/ann/rerank"
COMMITTED = (ROOT / "README.md").read_text(encoding="utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PACKED = readme_of_package(COMMITTED, REPOSITORY, "9.8.7")


def test_the_readme_of_the_package_installs_by_name() -> None:
    assert BY_NAME in PACKED
    assert FROM_CHECKOUT not in PACKED
    assert "path/to/" not in PACKED


def test_each_link_of_the_readme_of_the_package_is_absolute() -> None:
    links = re.findall(r"\]\(([^)]*)\)", PACKED)
    assert len(links) == len(re.findall(r"\]\(([^)]*)\)", COMMITTED))
    assert {link.partition("://")[0] for link in links} == {"https"}
    assert f"[MIT licence]({REPOSITORY}/blob/v9.8.7/LICENSE)" in PACKED
    assert f"({REPOSITORY}/blob/v9.8.7/docs/judging-a-server.md#known-deviations)" in PACKED


def test_the_readme_of_the_package_leaves_no_place_open() -> None:
    assert "OWNER" in COMMITTED
    assert "OWNER" not in PACKED
    assert "uses: ann/rerank@v9.8.7" in PACKED


def test_a_readme_that_was_changed_elsewhere_is_refused() -> None:
    with pytest.raises(ReleaseError, match=r"no longer has this text.*\nYou need CPython"):
        readme_of_package("# Another", REPOSITORY, "9.8.7")


def test_the_metadata_of_the_package_have_addresses_and_the_other_readme() -> None:
    project = tomli.loads(pyproject_of_package(PYPROJECT, REPOSITORY, "9.8.7"))["project"]

    assert project.pop("readme") == README
    assert project.pop("urls") == {
        "Homepage": REPOSITORY,
        "Documentation": f"{REPOSITORY}/tree/v9.8.7/docs",
        "Changelog": f"{REPOSITORY}/blob/v9.8.7/CHANGELOG.md",
        "Issues": f"{REPOSITORY}/issues",
    }
    committed = tomli.loads(PYPROJECT)["project"]
    assert committed.pop("readme") == "README.md"
    assert project == committed
    assert project["version"] == version_of(PYPROJECT)


@pytest.mark.parametrize("repository", ["", "OWNER/rerank", "http://git.example/a", "https://a.b"])
def test_an_address_that_is_none_is_refused(repository: str) -> None:
    with pytest.raises(ReleaseError, match="make release REPOSITORY=https://"):
        checked(repository)


def test_an_address_is_taken_as_it_is_copied() -> None:
    assert checked(f"{REPOSITORY}.git") == checked(f"{REPOSITORY}/") == REPOSITORY
