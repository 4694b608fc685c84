"""The HTML page in a real browser."""

import base64
import hashlib
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from contract_tests.report.model import Report
from contract_tests.report.writers import save
from tests.contract_tests.newest import REQUIREMENTS

from . import samples
from .test_html_page import colours

CHROMIUM = shutil.which("chromium")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Whatever a page would ask of the network fails.
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--hide-scrollbars", "--window-size=1280,900"),
)
#: Theme -> what makes Chromium prefer it.
THEMES = {
    "dark": "--blink-settings=preferredColorScheme=0",
    "light": "--blink-settings=preferredColorScheme=1",
}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH")


def browse(
    report: Report, folder: Path, *wanted: str, slipped_in: str = "", script: str = ""
) -> str:
    """Open the page of a report, and return what Chromium prints.

    ``slipped_in`` is added to the page as it is; ``script`` runs after that of the page, and its
    policy allows it.
    """
    page = folder / "report.html"
    save(report, "report-html", page)
    content = page.read_text("utf-8")
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        content = content.replace("script-src ", f"script-src 'sha256-{digest}' ")
        slipped_in += f"<script>{script}</script>"
    page.write_text(content.replace("</html>", f"{slipped_in}</html>"), "utf-8")
    done = subprocess.run(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", *wanted, page.as_uri()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    return done.stdout


def corner(picture: Path) -> str:
    """The colour of the first pixel of a PNG."""
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    packed = b""
    place = 8
    while place < len(content):
        (size,) = struct.unpack(">I", content[place : place + 4])
        if content[place + 4 : place + 8] == b"IDAT":
            packed += content[place + 8 : place + 8 + size]
        place += 12 + size
    # The first pixel has no neighbours: however its line is filtered, it stands there as it is.
    return f"#{zlib.decompress(packed)[1:4].hex()}"


def shown(dom: str) -> set[str]:
    """Ids of the requirements that are not filtered away."""
    articles = re.findall(r'<article id="([^"]*)"([^>]*)>', dom)
    return {name for name, attributes in articles if "hidden" not in attributes}


def test_the_script_runs_and_shows_everything(tmp_path: Path) -> None:
    dom = browse(samples.VIOLATING, tmp_path, "--dump-dom")
    assert shown(dom) == set(REQUIREMENTS)
    assert f"<output>{len(REQUIREMENTS)} of {len(REQUIREMENTS)} requirements</output>" in dom
    assert not re.search("<form[^>]*hidden", dom)


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        ({"outcome": "failed"}, {"request.top_n.count", "authorization.required"}),
        ({"outcome": "failed", "text": "WELCOME"}, {"authorization.required"}),
        ({"outcome": "differs", "level": "observed"}, {"response.results.index.permutation"}),
        ({"outcome": "differs", "level": "spec"}, set[str]()),
    ],
)
def test_a_filter_leaves_what_fits(chosen: dict[str, str], left: set[str], tmp_path: Path) -> None:
    choose = "".join(
        f'form.elements["{name}"].value = "{value}";' for name, value in chosen.items()
    )
    dom = browse(
        samples.VIOLATING,
        tmp_path,
        "--dump-dom",
        script=choose + "form.dispatchEvent(new Event('input'));",
    )
    assert shown(dom) == left
    faded = len(re.findall(r'class="cell \w+ faded"', dom))
    assert faded == len(REQUIREMENTS) - len(left)


def test_what_a_target_says_does_not_run(tmp_path: Path) -> None:
    dom = browse(samples.ATTACKED, tmp_path, "--dump-dom")
    (title,) = re.findall("<title>(.*?)</title>", dom, re.DOTALL)
    assert title == "https://rerank.example/v1 · broken"


def test_the_policy_stops_a_script_that_slipped_in(tmp_path: Path) -> None:
    script = "document.title = 'owned'"
    stopped, allowed = (tmp_path / name for name in ("stopped", "allowed"))
    for folder in (stopped, allowed):
        folder.mkdir()
    evil = f"<script>{script}</script>"
    assert "<title>owned</title>" not in browse(
        samples.VIOLATING, stopped, "--dump-dom", slipped_in=evil
    )
    assert "<title>owned</title>" in browse(samples.VIOLATING, allowed, "--dump-dom", script=script)


@pytest.mark.parametrize("theme", THEMES)
def test_the_page_follows_the_theme_of_the_reader(theme: str, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    browse(samples.VIOLATING, tmp_path, THEMES[theme], f"--screenshot={picture}")
    assert corner(picture) == colours(theme)["page"]
