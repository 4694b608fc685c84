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

pytestmark = pytest.mark.slow(20)


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


def make(folder: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "tools.site", str(folder)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")


def dead_links(pages: dict[Path, Page]) -> Iterator[str]:
    for path, page in pages.items():
        for link in page.links:
            if link.startswith(("https:", "mailto:")):
                continue
            address, place = urldefrag(unquote(link))
            target = (path.parent / address).resolve() if address else path
            if not target.is_file() or (target in pages and place not in pages[target].places):
                yield f"{path.name}: {link}"


def slug(name: str) -> str:
    return name.lower().replace(".", "-").replace("_", "-")


# One test, as the site takes longer to make than to look at.
def test_the_site_is_complete_and_no_link_leads_nowhere(tmp_path: Path) -> None:
    make(tmp_path)
    pages = {path: Page(path) for path in sorted(tmp_path.glob("**/*.html"))}
    reference = tmp_path / "reference"
    assert tmp_path / "index.html" in pages
    assert list(dead_links(pages)) == []
    # It loads nothing from another host.
    assert [load for page in pages.values() for load in page.loads if "//" in load] == []

    guides = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert guides - {path.stem for path in tmp_path.glob("docs/*.html")} == set()

    contract = load_contract()
    places = {
        place for path in reference.glob("requirements/*.html") for place in pages[path].places
    }
    assert set(map(slug, contract.requirements)) - places == set()
    switches = {f"switch-{slug(name)}" for name in contract.switches}
    assert switches - pages[reference / "switches.html"].places == set()

    rooms = [f"rerank_contract.{room}" for room in ("mockserver", "contract_tests")]
    names = {f"{room}.{name}" for room in rooms for name in importlib.import_module(room).__all__}
    assert names - pages[reference / "python.html"].places == set()

    commands = (reference / "commands.html").read_text("utf-8")
    for command in ("rerank-mock serve", "rerank-mock proxy", "rerank-contract check"):
        assert f"usage: {command}" in commands
