"""Builds and checks what is published: `python -m tools.release REPOSITORY PYTHON...`.

REPOSITORY is the address under which readers find this repository, such as
https://github.com/ann/rerank-contract: the README of the package links there, since an index shows
it alone. The commit that is checked out is built. Each PYTHON that is here installs both files in
an empty environment, and serves a small project. Nothing is uploaded.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
#: The environment with what checks a release.
TOOLS = ROOT / ".venv-release/bin"
#: The README of the package, beside that of the repository.
README = "README.index.md"

#: How to install from a checkout, as the README of the repository says.
FROM_CHECKOUT = """\
You need CPython 3.10 or newer and `make`. In a checkout:

```sh
make check   # sets up .venv, judges the embedded mock and prints the report
make test    # the same setup, then every test of the project
```

To use it in your own project, install it there from the checkout:

```sh
pip install path/to/rerank-contract
```
"""
#: The same by name, which is true once the package is on an index.
BY_NAME = """\
You need CPython 3.10 or newer. In your own project:

```sh
pip install rerank-contract
```

For the two commands alone, in an environment of their own or without installing them:

```sh
uv tool install rerank-contract                # or: pipx install rerank-contract
uvx rerank-contract check                      # or: pipx run rerank-contract check
uvx --from rerank-contract rerank-mock serve   # or: pipx run --spec rerank-contract rerank-mock
```
"""
#: Where the README of the repository leaves a place open, and the word on it.
ACTION, WORD_ON_ACTION = (
    "OWNER/rerank-contract@main",
    "In place of `OWNER` put the GitHub account that has your copy of this repository. ",
)
LINK = re.compile(r"(\]\()(?!\w+:|#)([^)\s]+)")

#: What a user writes: tests with the fixtures, which a type checker looks at too.
CONSUMER = """\
import httpx

from rerank_contract import Oracle, RerankMock, __version__


def ask(mock: RerankMock) -> httpx.Response:
    return httpx.post(
        f"{mock.base_url}/rerank",
        headers={"Authorization": f"Bearer {mock.api_key}"},
        json={
            "model": "BAAI/bge-reranker-v2-m3",
            "query": "apple",
            "documents": ["banana", "apple"],
        },
    )


def test_in_this_process(rerank_mock: RerankMock, rerank_oracle: Oracle) -> None:
    answer = ask(rerank_mock)
    rerank_oracle(answer.request, answer, strict=True)
    top_n: int | None = rerank_mock.calls.last.sent.top_n
    assert top_n is None


def test_on_a_socket(rerank_server: RerankMock) -> None:
    assert [result["index"] for result in ask(rerank_server).json()["results"]] == [1, 0]
    assert __version__ == "VERSION"
"""


class ReleaseError(Exception):
    """Why there is no release."""


def readme_of_package(text: str, repository: str, version: str) -> str:
    """Return the README as an index shows it: installed by name, each link absolute."""
    account_and_name = urlsplit(repository).path.strip("/")
    for before, after in (
        (FROM_CHECKOUT, BY_NAME),
        (ACTION, f"{account_and_name}@v{version}"),
        (WORD_ON_ACTION, ""),
    ):
        if before not in text:
            raise ReleaseError(f"README.md no longer has this text of tools/release.py:\n{before}")
        text = text.replace(before, after)
    return LINK.sub(rf"\g<1>{repository}/blob/v{version}/\g<2>", text)


def pyproject_of_package(text: str, repository: str, version: str) -> str:
    """Return the metadata with the other README, and with addresses."""
    urls = f"""\
[project.urls]
Homepage = "{repository}"
Documentation = "{repository}/tree/v{version}/docs"
Changelog = "{repository}/blob/v{version}/CHANGELOG.md"
Issues = "{repository}/issues"

"""
    text = text.replace('readme = "README.md"', f'readme = "{README}"')
    return text.replace("[project.scripts]", f"{urls}[project.scripts]")


def version_of(pyproject: str) -> str:
    """Return the version that the metadata state."""
    found = re.search(r'^version = "(.+)"$', pyproject, re.MULTILINE)
    if not found:
        raise ReleaseError("pyproject.toml states no version")
    return found[1]


def checked(repository: str) -> str:
    """Return the address without a slash at its end. Raises `ReleaseError`."""
    url = urlsplit(repository)
    if url.scheme != "https" or not url.hostname or not url.path.strip("/"):
        raise ReleaseError(
            "say where readers find this repository:"
            " make release REPOSITORY=https://github.com/ann/rerank-contract"
        )
    return repository.rstrip("/").removesuffix(".git")


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """Run a command; return what it printed. Raises `ReleaseError` with all of it."""
    done = subprocess.run(  # noqa: S603
        command,
        cwd=folder,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    if done.returncode != 0:
        words = " ".join(map(str, command))
        raise ReleaseError(f"{words} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def build(repository: str, folder: Path) -> tuple[Path, Path, str]:
    """Build wheel and sdist of the commit; return them and the version."""
    if run("git", "status", "--porcelain"):
        raise ReleaseError("there are changes that are not committed: they would not be built")
    run("git", "archive", "--output", folder / "source.tar", "HEAD")
    source = folder / "source"
    shutil.unpack_archive(folder / "source.tar", source)
    pyproject = (source / "pyproject.toml").read_text(encoding="utf-8")
    version = version_of(pyproject)
    readme = (source / "README.md").read_text(encoding="utf-8")
    (source / README).write_text(readme_of_package(readme, repository, version), encoding="utf-8")
    pyproject = pyproject_of_package(pyproject, repository, version)
    (source / "pyproject.toml").write_text(pyproject, encoding="utf-8")
    shutil.rmtree(DIST, ignore_errors=True)
    run(TOOLS / "python", "-m", "build", "--outdir", DIST, source)
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    return wheel, sdist, version


def rendered(readme: Path) -> Path:
    """Render the README as an index does; return the page. Raises `ReleaseError`."""
    page = readme.with_suffix(".html")
    run(TOOLS / "python", "-m", "readme_renderer", readme, "--output", page)
    links = re.findall(r'(?:href|src)="([^"]*)"', page.read_text(encoding="utf-8"))
    # The second are those of a heading to itself.
    if relative := [link for link in links if not link.startswith(("https://", "#user-content-"))]:
        raise ReleaseError(f"links of the README that lead nowhere on an index: {relative}")
    if not links:
        raise ReleaseError("the README was not rendered")
    return page


def try_out(python: str, wheel: Path, sdist: Path, version: str, folder: Path) -> None:
    """Install each in an empty environment and use it as a user does. Raises `ReleaseError`."""
    environment, project = folder / "environment", folder / "project"
    project.mkdir(parents=True)
    test = project / "test_client.py"
    test.write_text(CONSUMER.replace("VERSION", version), encoding="utf-8")
    run(python, "-m", "venv", environment)
    bin_folder = environment / "bin"
    install = (bin_folder / "python", "-m", "pip", "install", "--quiet")
    for options in ([wheel], ["--force-reinstall", "--no-deps", sdist]):
        run(*install, *options, folder=project)
        for command in ("rerank-mock", "rerank-contract"):
            if version not in run(bin_folder / command, "--version", folder=project):
                raise ReleaseError(f"{command} --version does not say {version}")
        run(bin_folder / "python", "-m", "pytest", "-q", "-W", "error", test, folder=project)
    run(bin_folder / "rerank-contract", "check", "--effort", "smoke", folder=project)
    types = ("--strict", "--python-executable", bin_folder / "python", test)
    run(TOOLS / "mypy", *types, folder=project)


def is_here(python: str) -> bool:
    """Whether there is such a command, and it works: a shim of pyenv may be all there is."""
    return shutil.which(python) is not None and not subprocess.call(  # noqa: S603
        [python, "-c", ""], stderr=subprocess.DEVNULL
    )


def main(repository: str, pythons: Sequence[str]) -> None:
    """Build, check, and say what is left to do."""
    repository = checked(repository)
    folder = ROOT / "build/release"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wheel, sdist, version = build(repository, folder)
    print(f"built {wheel.name} and {sdist.name}", flush=True)
    page = rendered(folder / "source" / README)
    print(run(TOOLS / "twine", "check", "--strict", wheel, sdist).strip())
    print(run(TOOLS / "check-wheel-contents", wheel).strip(), flush=True)
    tried = 0
    for python in pythons:
        if not is_here(python):
            print(f"{python}: skipped, there is no such command here", flush=True)
            continue
        try_out(python, wheel, sdist, version, folder / python)
        print(f"{python}: installed, commands, fixtures, judge and types work", flush=True)
        tried += 1
    if not tried:
        raise ReleaseError("there is no interpreter to try it with")
    print(
        f"Nothing was uploaded. Look at {page.relative_to(ROOT)}; then one command is left to you:"
    )
    print(f"{TOOLS.relative_to(ROOT)}/twine upload dist/{wheel.name} dist/{sdist.name}")


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2:])
    except ReleaseError as error:
        sys.exit(f"no release: {error}")
