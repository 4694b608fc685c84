"""What the guides speak of is there, and what is there is spoken of."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest

import contract_tests.__main__
import mockserver.__main__
from contract_tests.judging.outcomes import EXIT_CODES, Outcome, Verdict
from tests.mockserver.command.commands import own_signals
from tests.schemas.data import TABLES

from .guides import GUIDES, ROOT, blocks

TEXTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in GUIDES}
README = TEXTS["README.md"]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")

#: Options of other people's commands that the guides show.
FOREIGN = {
    "--sharing": "python -m benchmarks",
    "--save": "redis-server",
    "--logfile": "redis-server",
    "--file": "docker build",
    "--tag": "docker build",
    "--format": "podman build",
    "--rm": "docker run",
    "--publish": "docker run",
    "--read-only": "docker run",
    "--env": "docker run",
    "--workflow": "gh run list",
    "--status": "gh run list",
    "--limit": "gh run list",
    "--jq": "gh run list",
    "--dir": "gh run download",
    "--search": "gh issue list",
    "--title": "gh issue create",
    "--body-file": "gh issue create",
}


MAIN: dict[str, Callable[[list[str]], object]] = {
    "mockserver": mockserver.__main__.main,
    "contract_tests": contract_tests.__main__.main,
}


@cache
def help_of(room: str, *command: str) -> str:
    with redirect_stdout(StringIO()) as printed, own_signals(), pytest.raises(SystemExit) as ended:
        MAIN[room]([*command, "--help"])
    assert ended.value.code == 0
    return printed.getvalue()


@cache
def options_of(room: str) -> set[str]:
    """Return every option of a command and of its commands."""
    own = help_of(room)
    listed = own.partition("positional arguments:")[2].partition("options:")[0]
    commands = re.findall(r"^    (\w+)(?: |$)", listed, re.MULTILINE)
    assert commands
    pages = [own, *(help_of(room, command) for command in commands)]
    return {option for page in pages for option in OPTION.findall(page)} - {"--help"}


@pytest.mark.parametrize("room", MAIN)
def test_every_option_is_told_of(room: str) -> None:
    assert options_of(room) - set(OPTION.findall("\n".join(TEXTS.values()))) == set()


def test_every_option_that_is_told_of_exists() -> None:
    command = [sys.executable, "-m", "pytest", "--help", "contract_tests"]
    pytests = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    told = set(OPTION.findall("\n".join(TEXTS.values())))
    known = {
        *options_of("mockserver"),
        *options_of("contract_tests"),
        *OPTION.findall(pytests.stdout),
        *FOREIGN,
    }
    assert told - known == set()
    assert FOREIGN.keys() - told == set()


#: What readers may import from the package.
FACES = {
    "rerank_contract": "rerank_contract",
    "rerank_contract.mockserver": "mockserver",
    "rerank_contract.contract_tests": "contract_tests",
}


def private_imports(source: str) -> Iterator[str]:
    """Yield what a program imports from the package besides its public names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (
                name.name
                for name in node.names
                if name.name.startswith("rerank_contract") and name.name not in FACES
            )
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("rerank_contract"):
            module = str(node.module)
            public = set(import_module(FACES[module]).__all__) if module in FACES else set[str]()
            yield from (
                f"{module}.{name.name}"
                for name in node.names
                if name.name not in public and f"{module}.{name.name}" not in FACES
            )


@pytest.mark.parametrize("guide", TEXTS)
def test_only_public_names_are_imported(guide: str) -> None:
    sources = [block.text for block in blocks(TEXTS[guide]) if block.language == "python"]
    assert [name for source in sources for name in private_imports(source)] == []


@pytest.mark.parametrize(
    "example", sorted(ROOT.glob("docs/examples/*.py")), ids=lambda path: path.name
)
def test_only_public_names_are_imported_by_the_example(example: Path) -> None:
    assert list(private_imports(example.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("line", "private"),
    [
        ("from rerank_contract import State, mockserver", []),
        ("from rerank_contract.mockserver import StateError", []),
        ("import rerank_contract.mockserver, httpx", []),
        ("from rerank_contract import StateError", ["rerank_contract.StateError"]),
        (
            "from rerank_contract.mockserver.wire import load",
            ["rerank_contract.mockserver.wire.load"],
        ),
        ("from rerank_contract.mockserver import wire", ["rerank_contract.mockserver.wire"]),
        ("def f():\n    import rerank_contract.schemas", ["rerank_contract.schemas"]),
    ],
)
def test_a_private_import_is_recognised(line: str, private: list[str]) -> None:
    assert list(private_imports(line)) == private


def ids(markdown: str) -> set[str]:
    """Return what looks like the id of a requirement: words and dots in backticks, and no file."""
    kinds = "endpoint|authorization|request|response|error"
    return {
        name
        for name in re.findall(rf"`((?:{kinds})(?:\.[a-z_]+)+)`", markdown)
        if not name.endswith(".json")
    }


def test_an_id_is_told_from_a_file() -> None:
    assert ids("`request.top_n.minimum`, `request.classic.json`") == {"request.top_n.minimum"}


@pytest.mark.parametrize("guide", TEXTS)
def test_every_requirement_that_is_named_exists(guide: str) -> None:
    assert ids(TEXTS[guide]) - {row["id"] for row in TABLES["requirements"]} == set()


def test_the_readme_says_what_each_outcome_and_exit_code_means() -> None:
    rows = re.findall(r"^\| (?:`(\w+)`|(\d)) \| (.*)\|$", README, re.MULTILINE)
    outcomes = [name for name, _, _ in rows if name in {outcome.value for outcome in Outcome}]
    assert outcomes == [outcome.value for outcome in Outcome]
    verdicts = {int(code): told for _, code, told in rows if code}
    assert verdicts.keys() == {2, *EXIT_CODES.values()}
    assert all(f"`{verdict.value}`" in verdicts[EXIT_CODES[verdict]] for verdict in Verdict)


def test_each_guide_that_counts_the_scenarios_counts_them_right() -> None:
    table = (ROOT / "schemas/client/scenarios.json").read_text(encoding="utf-8")
    scenarios = json.loads(table)["scenarios"]
    counted = [
        number for text in TEXTS.values() for number in re.findall(r"\b(\d+)\s+scenarios", text)
    ]
    assert set(counted) == {str(len(scenarios))}


@pytest.mark.parametrize("guide", TEXTS)
def test_every_make_target_that_is_named_exists(guide: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^)make ([a-z-]+)", TEXTS[guide], re.MULTILINE)
    assert [name for name in named if f"\n{name}:" not in makefile] == []


def headings(path: Path) -> set[str]:
    """Return the anchors of a page."""
    lines = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("guide", TEXTS)
def test_links_into_a_page_find_their_heading(guide: str) -> None:
    here = ROOT / guide
    links = re.findall(r"\]\((?!\w+:)([^)#]*)#([^)]+)\)", TEXTS[guide])
    wrong = [
        (page, anchor)
        for page, anchor in links
        if anchor not in headings(here.parent / page if page else here)
    ]
    assert wrong == []


def test_the_readme_leads_to_every_guide() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#]+)", README))
    assert linked == set(TEXTS) - {"README.md"}
