"""Builds the distributions, and installs them where a user would.

The installed copy must not lean on the checkout, on its editable install or on a package index:
what leans on one of them passes here and fails everywhere else.
"""

import os
import subprocess
import sys
import sysconfig
import venv
from fnmatch import fnmatchcase
from pathlib import Path
from shutil import copytree, ignore_patterns
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]

#: What a used checkout has and a fresh clone has not.
LEFTOVERS = (
    *(".git", ".venv*", ".*_cache", ".hypothesis", ".coverage", ".coverage.*"),
    *("__pycache__", "build", "dist", "*.egg-info"),
)

#: What the running environment has for the checkout's sake, and hooks that run at start-up.
NO_DEPENDENCY = ("__editable__*", "rerank_contract-*", "*.pth", "__pycache__")


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command as from a fresh shell, and return its output; fail with all of it."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=fresh_shell(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def fresh_shell() -> dict[str, str]:
    """Return the environment without what steers Python, pip, pytest or coverage from outside."""
    steering = ("PYTHON", "PIP_", "PYTEST_", "COVERAGE_", "VIRTUAL_ENV", "SILICONFLOW_")
    return {name: value for name, value in os.environ.items() if not name.startswith(steering)}


def build(kind: str, tree: Path, folder: Path) -> Path:
    """Build one distribution with the backend that is installed here, and return its file."""
    # The backend leaves its own files in the tree that it builds from.
    source = copytree(tree, folder / "source")
    run(
        sys.executable,
        "-m",
        "build",
        kind,
        "--no-isolation",
        "--outdir",
        "dist",
        source,
        cwd=folder,
    )
    (distribution,) = (folder / "dist").iterdir()
    return distribution


def make_environment(folder: Path) -> Path:
    """Make a virtual environment with all dependencies and without this package.

    The dependencies are links to those of the running environment: nothing to download, and each
    keeps its metadata, so that pip itself judges whether the requirements of the package are met.
    """
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for library in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(library).iterdir():
            if not any(fnmatchcase(entry.name, pattern) for pattern in NO_DEPENDENCY):
                (packages / entry.name).symlink_to(entry)
    return folder


def install(distribution: str | Path, environment: Path, *options: str) -> Path:
    """Install a wheel, an sdist or a tree without an index, and return the environment."""
    pip = (environment / "bin/python", "-m", "pip", "install", "--quiet")
    run(*pip, "--no-index", "--no-build-isolation", *options, distribution, cwd=environment)
    return environment


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the checkout without its leftovers, so that nothing stale is packed."""
    folder = tmp_path_factory.mktemp("clone") / "tree"
    return copytree(ROOT, folder, ignore=ignore_patterns(*LEFTOVERS))


@pytest.fixture(scope="session")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel straight from the tree."""
    return build("--wheel", tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution."""
    return build("--sdist", tree, tmp_path_factory.mktemp("sdist"))


@pytest.fixture
def empty_environment(tmp_path: Path) -> Path:
    """Make an environment that the package was never installed in."""
    return make_environment(tmp_path / "environment")


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel as a user would."""
    return install(wheel, make_environment(tmp_path_factory.mktemp("user") / "environment"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Lay out a user's project whose own folders have the names of our rooms."""
    ours = 'raise AssertionError("a folder of the user was taken for a room of rerank-contract")'
    files = {
        "pyproject.toml": """
            [tool.pytest.ini_options]
            addopts = ["--strict-config", "--strict-markers"]
            filterwarnings = ["error"]
            pythonpath = ["."]
            testpaths = ["tests"]
            """,
        "schemas/__init__.py": 'OWNER = "the user"',
        "schemas/requirements.json": "no JSON",
        "mockserver/__init__.py": "",
        "mockserver/__main__.py": ours,
        "mockserver/engine.py": ours,
        "mockserver/pytest_plugin.py": ours,
        "contract_tests/__init__.py": "",
        "contract_tests/__main__.py": ours,
        "contract_tests/conftest.py": ours,
        "contract_tests/installed.ini": "[pytest]\naddopts = --no-such-option",
        "contract_tests/test_endpoint.py": ours,
    }
    for name, text in files.items():
        (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / name).write_text(dedent(text), encoding="utf-8")
    return tmp_path / "project"
