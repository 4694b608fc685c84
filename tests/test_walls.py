"""The walls of the house: who may import whom, and how large a module may grow."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ROOMS = ("mockserver", "contract_tests")
LONGEST_MODULE = 300

#: The mock from the ground up, as patterns of module names; a module may import its own layer and
#: those before it. `__init__` lies under all of them because importing any of them runs it first.
LAYERS = (
    ("__init__",),
    ("wire",),
    ("contract",),
    ("tables",),
    ("behaviour",),
    (
        "clock",
        "accounts",
        "models",
        "quotas",
        "scenario*",
        "ready_made",
        "pins",
        "scoring",
        "rerank_request",
        "entry",
        "redaction",
        "sent",
        "advice*",
        "journal",
    ),
    ("snapshots",),
    ("state",),
    ("reading", "playing", "magic", "arrival"),
    ("engine",),
    ("calls", "fixtures", "demands"),
    ("via_*", "admin*", "log", "testing", "pytest_plugin", "__main__"),
)

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
    """Yield every import as (level, dotted name); level 0 is absolute, 1 the room itself."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from . import state` names its module on the right, `from .state import State` left.
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((node.level, name) for name in names)


def layer_of(module: str) -> int | None:
    """Return how far above the ground a module of the mock lies, None if nobody placed it."""
    for height, patterns in enumerate(LAYERS):
        if any(fnmatchcase(module, pattern) for pattern in patterns):
            return height
    return None


def breaches(root: Path) -> list[str]:
    """Return one sentence for each breach of a wall in the tree at `root`."""
    found = [
        f"{path.relative_to(root)}: code among the data" for path in root.glob("schemas/**/*.py")
    ]
    for room in ROOMS:
        for module in sorted((root / room).rglob("*.py")):
            place = module.relative_to(root)
            if len(place.parts) > 2:
                found.append(f"{place}: a room within a room")
            if len(module.read_text(encoding="utf-8").splitlines()) > LONGEST_MODULE:
                found.append(f"{place}: longer than {LONGEST_MODULE} lines")
            for level, name in imports(module):
                if level > 1:
                    found.append(f"{place}: reaches out of its room for {name}")
                elif level == 0 and name.split(".")[0] in {*ROOMS, "rerank_contract"}:
                    found.append(f"{place}: imports {name} absolutely")
    for module in sorted((root / "mockserver").glob("*.py")):
        own_layer = layer_of(module.stem)
        if own_layer is None:
            found.append(f"mockserver/{module.name}: has no place in LAYERS")
            continue
        for level, name in imports(module):
            imported = name.split(".")[0]
            if level and (layer_of(imported) or 0) > own_layer:
                found.append(f"mockserver/{module.name}: lies under {imported} and imports it")
            if not level and module.stem == "engine" and imported in CLOSED_TO_ENGINE:
                found.append(f"mockserver/{module.name}: imports {imported}")
    return found


def test_the_walls_stand() -> None:
    assert breaches(ROOT) == []


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Build a small house in order."""
    sources = {
        "schemas/models.json": "[]",
        "mockserver/__init__.py": "",
        "mockserver/wire.py": "import json",
        "mockserver/contract.py": "from pathlib import Path\nfrom .wire import Request",
        "mockserver/state.py": "import time\nfrom . import contract, quotas",
        "mockserver/quotas.py": "from . import wire",
        "mockserver/engine.py": "from .state import State",
        "mockserver/via_asgi.py": "import asyncio\nfrom . import engine",
        "mockserver/__main__.py": "def main():\n    from . import via_asgi",
        "contract_tests/__init__.py": "",
        "contract_tests/checks.py": "import httpx\nfrom . import violations",
        "contract_tests/violations.py": "",
    }
    for name, source in sources.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
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
        ("mockserver/engine.py", "from . import via_asgi", "lies under via_asgi"),
        ("mockserver/scoring.py", "from .engine import answer", "lies under engine"),
        ("mockserver/contract.py", "from .behaviour import Behaviour", "lies under behaviour"),
        ("mockserver/__init__.py", "from .engine import answer", "lies under engine"),
        ("mockserver/helpers.py", "", "has no place in LAYERS"),
        ("mockserver/admin.py", "\n" * (LONGEST_MODULE + 1), "longer than 300 lines"),
        ("mockserver/admin/routes.py", "", "a room within a room"),
        ("contract_tests/reports/html.py", "", "a room within a room"),
    ],
)
def test_a_breach_is_found(house: Path, place: str, source: str, breach: str) -> None:
    (house / place).parent.mkdir(exist_ok=True)
    (house / place).write_text(source, encoding="utf-8")

    found = breaches(house)

    assert len(found) == 1
    assert found[0].startswith(f"{place}: ")
    assert breach in found[0]


def test_a_module_of_the_longest_length_stands(house: Path) -> None:
    (house / "contract_tests/checks.py").write_text("\n" * LONGEST_MODULE, encoding="utf-8")
    assert breaches(house) == []
