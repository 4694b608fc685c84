"""Makes the site from the guides: `python -m tools.site FOLDER`.

The Markdown files are taken as they are; the README becomes the first page. Beside them come pages
that are generated: the help of each command, the requirements and switches with their evidence, and
the public names with their docstrings.
"""

import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from contract_tests import evidence
from contract_tests.command.listing import tests_by_requirement
from contract_tests.contract import Contract, Requirement, Switch, load_contract

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
COMMANDS = {"rerank-mock": "mockserver", "rerank-contract": "contract_tests"}
#: A command in the help of a program.
COMMAND = re.compile(r"^    (\w+) +\w", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")

#: The menu: each heading with its pages. Sphinx fails if a page is missing here.
MENU: Mapping[str, tuple[str, ...]] = {
    "Begin": ("docs/first-five-minutes",),
    "Clients": (
        "docs/testing-a-client",
        "docs/other-languages",
        "helpers/npm/README",
        "helpers/go/README",
        "docs/grading-a-client",
        "docs/published-clients",
        "docs/client-matrix",
    ),
    "The mock": (
        "docs/mock-server",
        "docs/behaviours",
        "docs/accounts-and-quotas",
        "docs/scenarios",
        "docs/journal-and-advice",
        "docs/admin",
        "docs/replaying",
        "docs/proxy",
        "docs/scaling",
        "docs/promises",
    ),
    "Servers and gateways": (
        "docs/judging-a-server",
        "docs/continuous-integration",
        "docs/observing-and-imitating",
        "docs/comparing",
        "docs/recording-and-auditing",
        "docs/driving-a-gateway",
        "docs/interop",
        "docs/gateways",
        "docs/kill-table",
        "docs/vectors",
    ),
    "The contract": (
        "docs/contract",
        "schemas/README",
        "reference/requirements/index",
        "reference/switches",
    ),
    "Reference": ("reference/commands", "reference/python", "CHANGELOG"),
    "Contributing": ("CONTRIBUTING", "ARCHITECTURE", "RELEASING", "SECURITY", "benchmarks/README"),
}


def main() -> int:
    """Build the site in the folder that is named; return the exit code of Sphinx."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        gather(source)
        words = ["--builder", "html", "--fail-on-warning", "--keep-going", "--quiet"]
        sphinx = [sys.executable, "-m", "sphinx", *words, "--conf-dir", str(ROOT / "docs")]
        return subprocess.run([*sphinx, str(source), sys.argv[1]], check=False).returncode  # noqa: S603


def gather(source: Path) -> None:
    """Write all pages, and the files that they link to."""
    for page in written():
        text = page.read_text("utf-8")
        for linked in LINK.findall(text):
            target = (page.parent / linked).resolve()
            if target == README:
                text = text.replace(f"]({linked}", f"]({linked.replace('README', 'index')}")
            elif target.is_file() and target.suffix != ".md":
                place = source / target.relative_to(ROOT)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(target, place)
        name = "index.md" if page == README else page.relative_to(ROOT)
        write(source / name, text + menu() if page == README else text)
    for name, text in generated():
        write(source / "reference" / f"{name}.md", text)


def written() -> Iterator[Path]:
    """Yield the Markdown files of the menu that are not generated."""
    yield README
    for pages in MENU.values():
        yield from (ROOT / f"{page}.md" for page in pages if not page.startswith("reference/"))


def write(path: Path, text: str) -> None:
    """Write a page, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def menu() -> str:
    """Return the menu, as Sphinx reads it."""
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines(pages)}\n```\n"
        for caption, pages in MENU.items()
    )


def lines(pages: tuple[str, ...]) -> str:
    """Return one page on each line."""
    return "\n".join(pages)


def generated() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each generated page."""
    contract = load_contract()
    yield "commands", commands()
    yield "python", python()
    yield "switches", switches(contract)
    sections = sections_of(contract)
    yield "requirements/index", requirements_index(contract, sections)
    for section, requirements in sections.items():
        yield f"requirements/{slug(section)}", requirements_page(contract, section, requirements)


def commands() -> str:
    """Return the help of each command."""
    text = "# Commands\n\nThis is what `--help` prints.\n"
    for program, module in COMMANDS.items():
        own = help_of(module)
        text += f"\n## {program}\n\n{fenced(own)}"
        for command in COMMAND.findall(own):
            text += f"\n### {program} {command}\n\n{fenced(help_of(module, command))}"
    return text


def help_of(module: str, *command: str) -> str:
    """Return what a command prints with `--help`."""
    words = [sys.executable, "-m", f"rerank_contract.{module}", *command, "--help"]
    environment = {**os.environ, "COLUMNS": "96", "NO_COLOR": "1"}
    return subprocess.run(  # noqa: S603 - our own commands
        words, env=environment, check=True, capture_output=True, encoding="utf-8"
    ).stdout


def fenced(text: str) -> str:
    """Return a block of plain text."""
    return f"```text\n{text.rstrip()}\n```\n"


def python() -> str:
    """Return the page with the public names; Sphinx takes their docstrings."""
    text = "# Python\n\n`rerank_contract` offers the names that most users need; all are below.\n\n"
    face = importlib.import_module("rerank_contract")
    text += ", ".join(f"`{name}`" for name in face.__all__) + ".\n"
    for room in COMMANDS.values():
        module = f"rerank_contract.{room}"
        text += f"\n## {module}\n\n"
        found = importlib.import_module(module)
        for name in found.__all__:
            directive = directive_of(getattr(found, name))
            text += f"```{{eval-rst}}\n.. {directive}:: {module}.{name}\n```\n\n"
    return text


def directive_of(found: object) -> str:
    """Return the directive of Sphinx that documents a public name."""
    if not isinstance(found, type):
        return "autofunction"
    return "autoexception" if issubclass(found, BaseException) else "autoclass"


def sections_of(contract: Contract) -> dict[str, list[Requirement]]:
    """Return the requirements by section, in order."""
    sections: dict[str, list[Requirement]] = {}
    for requirement in contract.requirements.values():
        sections.setdefault(section_of(requirement.id), []).append(requirement)
    return sections


def section_of(requirement: str) -> str:
    """Return the section of a requirement: the first words of its id."""
    parts = requirement.split(".")
    return ".".join(parts[:2]) if parts[0] in ("request", "response") else parts[0]


def slug(name: str) -> str:
    """Return a name as part of an address."""
    return name.lower().replace(".", "-").replace("_", "-")


def requirements_index(contract: Contract, sections: Mapping[str, list[Requirement]]) -> str:
    """Return the list of all requirements."""
    text = "# Requirements\n\n"
    text += f"The {len(contract.requirements)} requirements of revision {contract.revision}.\n"
    for section, requirements in sections.items():
        text += f"\n## {section}\n\n| requirement | level | |\n|---|---|---|\n"
        for row in requirements:
            link = f"{slug(section)}.md#{slug(row.id)}"
            text += f"| [{row.id}]({link}) | {row.level} | {row.sentence} |\n"
    names = "\n".join(map(slug, sections))
    return f"{text}\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"


def requirements_page(contract: Contract, section: str, requirements: list[Requirement]) -> str:
    """Return the requirements of a section, each with its evidence."""
    text = f"# {section}\n"
    tests = tests_by_requirement(contract)
    for requirement in requirements:
        name, source = requirement.id, requirement.source
        place = ", ".join(filter(None, (source["section"], source["field"])))
        text += f"\n({slug(name)})=\n## {name}\n\n{requirement.sentence}\n\n"
        text += f"Level `{requirement.level}`; source: {source['kind']}, {place}.\n\n"
        text += axes(evidence.of_requirement(name, requirement.level))
        for switch in contract.switches.values():
            if name in switch.requirements:
                link = f"../switches.md#switch-{slug(switch.name)}"
                text += f"- **switch**: [{switch.name}]({link})\n"
        text += "".join(f"- **test**: `{test}`\n" for test in tests.get(name, ()))
    return text


def switches(contract: Contract) -> str:
    """Return the switches with their values and their evidence."""
    text = "# Switches\n\nWhat the contract leaves open; "
    text += "[Behaviours](../docs/behaviours.md) says how to choose.\n"
    for switch in contract.switches.values():
        text += f"\n(switch-{slug(switch.name)})=\n## {switch.name}\n\n{switch.question}\n\n"
        text += "".join(f"- `{value}`\n" for value in switch.values)
        text += axes(evidence.of_switch(switch.name))
        text += decided(switch)
    return text


def decided(switch: Switch) -> str:
    """Return the requirements that a switch decides."""
    return "".join(
        f"- **requirement**: [{name}](requirements/{slug(section_of(name))}.md#{slug(name)})\n"
        for name in switch.requirements
    )


def axes(found: Iterator[tuple[str, str]]) -> str:
    """Return each piece of evidence as an item of a list."""
    return "".join(f"- **{axis}**: {sentence}\n" for axis, sentence in found)


if __name__ == "__main__":
    sys.exit(main())
