"""The site that is made of the guides: complete, and without links that lead nowhere."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from contract_tests.contract import load_contract

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.uncovered]


class Page(HTMLParser):
    """The links of a page, what it loads, and what can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places = {""}
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in ("script", "img", "iframe", "link"):
            self.loads += [found[name] for name in ("src", "href") if name in found]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    made = subprocess.run(
        [sys.executable, "-m", "tools.site", str(folder)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    return folder


def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.glob("**/*.html"))}


def dead_links(found: dict[Path, Page]) -> Iterator[str]:
    for path, page in found.items():
        for link in page.links:
            if link.startswith(("https:", "mailto:")):
                continue
            address, place = urldefrag(unquote(link))
            target = (path.parent / address).resolve() if address else path
            if not target.is_file() or (target in found and place not in found[target].places):
                yield f"{path.name}: {link}"


def test_no_link_of_the_site_leads_nowhere(site: Path) -> None:
    found = pages(site)
    assert site / "index.html" in found
    assert list(dead_links(found)) == []


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loads = {load for page in pages(site).values() for load in page.loads}
    assert [load for load in loads if "//" in load] == []


def test_the_site_has_every_guide(site: Path) -> None:
    for guide in (ROOT / "docs").glob("*.md"):
        assert (site / "docs" / f"{guide.stem}.html").is_file()


def test_the_site_has_a_place_for_each_requirement_and_switch(site: Path) -> None:
    contract = load_contract()
    folder = site / "reference"
    places = {place for path in folder.glob("requirements/*.html") for place in Page(path).places}
    slugs = {name.lower().replace(".", "-").replace("_", "-") for name in contract.requirements}
    assert slugs - places == set()
    switches = {f"switch-{name.replace('_', '-')}" for name in contract.switches}
    assert switches - Page(folder / "switches.html").places == set()


@pytest.mark.parametrize("room", ["mockserver", "contract_tests"])
def test_the_site_has_every_public_name(site: Path, room: str) -> None:
    module = f"rerank_contract.{room}"
    names = {f"{module}.{name}" for name in importlib.import_module(module).__all__}
    assert names - Page(site / "reference" / "python.html").places == set()


def test_the_site_has_the_help_of_every_command(site: Path) -> None:
    text = (site / "reference" / "commands.html").read_text("utf-8")
    for command in ("rerank-mock serve", "rerank-mock proxy", "rerank-contract check"):
        assert f"usage: {command}" in text
