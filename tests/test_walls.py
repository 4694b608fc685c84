"""The walls of the house: who may import whom, and how large a module may grow."""

import ast
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import tomli

ROOT = Path(__file__).parents[1]

ROOMS = ("mockserver", "contract_tests")
LONGEST_MODULE = 450

#: The mock from the ground up, as patterns of module names; a module may import its own layer and
#: those before it. `__init__` lies under all of them because importing any of them runs it first.
LAYERS = (
    ("__init__", "*.__init__"),
    ("wire", "wording", "media", "files", "packing", "version"),
    ("contract",),
    ("validation",),
    ("behaviour", "scoring", "redaction"),
    ("parsed_request",),
    ("scenarios.*",),
    ("state.*",),
    ("sharing.*",),
    ("advice.*",),
    ("reading",),
    ("engine",),
    ("relaying",),
    ("recording", "advising"),
    ("testing.calls",),  # what is asserted of calls, in Python and over HTTP
    ("admin.*",),
    ("serving.*",),
    ("testing.*",),
    ("command.*",),
    ("__main__",),
)

#: The judge from the ground up. A pattern such as `checks.*` stands for a room within the room.
JUDGE_LAYERS = (
    ("__init__", "*.__init__"),
    ("drivers.*",),  # programs of their own, which the judge runs and does not import
    ("contract", "redaction", "transport", "version", "wording"),
    ("exchanges", "evidence"),
    ("files",),
    ("capabilities", "checks.*"),
    ("targets", "strategies", "examples"),
    ("recording",),
    ("judging.*",),
    ("report.*",),
    (
        *("mutants.*", "client.*", "command.*", "diff.*"),
        *("audit.*", "gateway.*", "interop.*"),
    ),
    ("conftest", "pytest_plugin", "__main__", "test_*"),
    ("launch",),
)
LAYERS_OF = {"mockserver": LAYERS, "contract_tests": JUDGE_LAYERS}

#: Input and output, clocks and chance: whatever the engine needs of them is handed to it.
CLOSED_TO_ENGINE = frozenset(
    {
        "asyncio",
        "datetime",
        "logging",
        "os",
        "pathlib",
        "random",
        "secrets",
        "socket",
        "time",
        "uuid",
    }
)


def imports(module: Path) -> Iterator[tuple[int, str]]:
    """Yield every import as (level, dotted name); level 0 is absolute, 1 the module's folder."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    if module.name == "__init__.py":
        # A public face shows type checkers what it imports only when it is asked.
        tree.body = [node for node in tree.body if not is_for_type_checkers(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if not node.level:
                yield 0, str(node.module)
                continue
            # Each name may be a module: `from . import state`, `from ..checks import violations`.
            front = [node.module] if node.module else []
            yield from ((node.level, ".".join([*front, alias.name])) for alias in node.names)


def is_for_type_checkers(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def name_of(place: Path) -> str:
    """Return the dotted name of a module within its room."""
    return ".".join(place.with_suffix("").parts[1:])


def imported(name: str, level: int, imported_name: str, modules: Collection[str]) -> str:
    """Return the dotted name, within its room, of the module that a relative import reaches."""
    parts = [*name.split(".")[:-level], *imported_name.split(".")]
    # The end may be a name in the module, or the folder's own `__init__` is meant.
    candidates = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    found = (
        module
        for front in candidates
        for module in (front, f"{front}.__init__")
        if module in modules
    )
    return next(found, "__init__")


def layer_of(room: str, module: str) -> int | None:
    """Return how far above the ground a module of a room lies, None if nobody placed it."""
    for height, patterns in enumerate(LAYERS_OF[room]):
        if any(fnmatchcase(module, pattern) for pattern in patterns):
            return height
    return None


def circle(graph: Mapping[str, Collection[str]]) -> list[str]:
    """Return modules that import each other in a circle; empty where there is none."""
    left = {module: set(needed) for module, needed in graph.items()}
    while leaves := [module for module, needed in left.items() if not needed & left.keys()]:
        for module in leaves:
            del left[module]
    walked: list[str] = []
    module = min(left, default="")
    while module and module not in walked:
        walked.append(module)
        module = min(left[module] & left.keys())
    return walked[walked.index(module) :] if module else []


def modules_of(root: Path, room: str) -> dict[str, Path]:
    """Return the modules of a room by their dotted names within it."""
    return {name_of(path.relative_to(root)): path for path in sorted((root / room).rglob("*.py"))}


def graph_of(modules: Mapping[str, Path]) -> dict[str, set[str]]:
    """Return for each module of a room the modules of the room that it imports."""
    return {
        name: {imported(name, level, wanted, modules) for level, wanted in imports(path) if level}
        for name, path in modules.items()
    }


def breaches(root: Path) -> list[str]:
    """Return one sentence for each breach of a wall in the tree at `root`."""
    found = [
        f"{path.relative_to(root)}: code among the data" for path in root.glob("schemas/**/*.py")
    ]
    for room in ROOMS:
        modules = modules_of(root, room)
        graph = graph_of(modules)
        for name, path in modules.items():
            place = path.relative_to(root)
            if len(place.parts) > 3:
                found.append(f"{place}: more than one room within a room")
            if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_MODULE:
                found.append(f"{place}: longer than {LONGEST_MODULE} lines")
            for level, wanted in imports(path):
                if level >= len(place.parts):
                    found.append(f"{place}: reaches out of its room for {wanted}")
                elif not level and wanted.split(".")[0] in {*ROOMS, "rerank_contract"}:
                    found.append(f"{place}: imports {wanted} absolutely")
                elif (room, name, level) == ("mockserver", "engine", 0) and (
                    wanted.split(".")[0] in CLOSED_TO_ENGINE
                ):
                    found.append(f"{place}: imports {wanted}")
            own_layer = layer_of(room, name)
            if own_layer is None:
                found.append(f"{place}: has no place in the layers")
                continue
            found += [
                f"{place}: lies under {needed} and imports it"
                for needed in sorted(graph[name])
                if (layer_of(room, needed) or 0) > own_layer
            ]
    return found


def test_every_room_is_packed() -> None:
    packages = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "setuptools"
    ]["packages"]
    folders = {
        path.parent.relative_to(ROOT) for room in ROOMS for path in ROOT.glob(f"{room}/**/*.py")
    }
    rooms = {f"rerank_contract.{'.'.join(folder.parts)}" for folder in folders}

    data = {"rerank_contract.schemas", "rerank_contract.vectors"}
    assert set(packages) == {"rerank_contract", *data, *rooms}
    assert len(packages) == len(set(packages))


def test_the_walls_stand() -> None:
    assert breaches(ROOT) == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_modules_import_each_other_in_a_circle(room: str) -> None:
    assert circle(graph_of(modules_of(ROOT, room))) == []


def test_a_circle_is_found() -> None:
    graph = {"a": {"b", "d"}, "b": {"c"}, "c": {"a"}, "d": set[str](), "e": {"a"}}
    assert sorted(circle(graph)) == ["a", "b", "c"]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Build a small house in order."""
    sources = {
        "schemas/models.json": "[]",
        "mockserver/__init__.py": "",
        "mockserver/wire.py": "import json",
        "mockserver/contract.py": "from pathlib import Path\nfrom .wire import Request",
        "mockserver/behaviour.py": "",
        "mockserver/state/store.py": "import time\nfrom .. import contract\nfrom . import quotas",
        "mockserver/state/quotas.py": "from .. import wire",
        "mockserver/engine.py": "from .state.store import State",
        "mockserver/serving/asgi.py": "import asyncio\nfrom .. import engine",
        "mockserver/__main__.py": "def main():\n    from .serving import asgi",
        "contract_tests/__init__.py": "",
        "contract_tests/contract.py": "import json",
        "contract_tests/exchanges.py": "from .contract import Json",
        "contract_tests/checks/__init__.py": "",
        "contract_tests/checks/catalogue.py": "from . import violations",
        "contract_tests/checks/relations.py": "from ..exchanges import Exchange",
        "contract_tests/checks/violations.py": "from .. import exchanges",
        "contract_tests/targets.py": "import httpx\nfrom .checks.violations import shorten",
        "contract_tests/judging/judge.py": "from ..checks import catalogue\nfrom .. import targets",
        "contract_tests/test_top_n.py": "from .judging.judge import Judge",
    }
    for name, source in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source, encoding="utf-8")
    return tmp_path


def test_a_house_in_order_has_no_breach(house: Path) -> None:
    assert breaches(house) == []


@pytest.mark.parametrize(
    ("place", "source", "breach"),
    [
        ("schemas/loader.py", "", "code among the data"),
        ("schemas/files/loader.py", "", "code among the data"),
        ("contract_tests/targets.py", "import mockserver.engine", "imports mockserver.engine abs"),
        (
            "contract_tests/targets.py",
            "from rerank_contract import mockserver",
            "rerank_contract abs",
        ),
        ("contract_tests/targets.py", "from ..mockserver import engine", "reaches out of its room"),
        ("mockserver/engine.py", "from contract_tests import checks", "imports contract_tests abs"),
        ("mockserver/engine.py", "from mockserver import state", "imports mockserver absolutely"),
        ("mockserver/engine.py", "def now():\n    import time", "imports time"),
        ("mockserver/engine.py", "from os.path import join", "imports os"),
        ("mockserver/engine.py", "from .serving import asgi", "lies under serving.asgi"),
        ("mockserver/scoring.py", "from .engine import answer", "lies under engine"),
        ("mockserver/contract.py", "from .behaviour import Behaviour", "lies under behaviour"),
        ("mockserver/__init__.py", "from .engine import answer", "lies under engine"),
        ("mockserver/helpers.py", "", "has no place in the layers"),
        ("contract_tests/helpers.py", "", "has no place in the layers"),
        ("contract_tests/reports/html.py", "", "has no place in the layers"),
        ("mockserver/wire.py", "\n" * (LONGEST_MODULE + 1), "longer than 450 lines"),
        ("contract_tests/report/html/page.py", "", "more than one room within a room"),
        ("contract_tests/report/html.py", "from ...schemas import x", "reaches out of its room"),
        ("contract_tests/targets.py", "from .judging import judge", "lies under judging.judge"),
        ("contract_tests/contract.py", "from .exchanges import Request", "lies under exchanges"),
        (
            "contract_tests/checks/relations.py",
            "from ..judging.judge import Judge",
            "lies under judging.judge",
        ),
    ],
)
def test_a_breach_is_found(house: Path, place: str, source: str, breach: str) -> None:
    (house / place).parent.mkdir(parents=True, exist_ok=True)
    (house / place).write_text(source, encoding="utf-8")

    found = breaches(house)

    assert len(found) == 1
    assert found[0].startswith(f"{place}: ")
    assert breach in found[0]


def test_a_module_of_the_longest_length_stands(house: Path) -> None:
    (house / "contract_tests/targets.py").write_text("\n" * LONGEST_MODULE, encoding="utf-8")
    assert breaches(house) == []
