"""Runs the steps of `Containerfile` in a scratch folder, where no container engine is.

`python -m tools.image FOLDER PYTHON`. Each COPY and RUN is done below that folder; then ENTRYPOINT
and CMD are started with the ENV of the image, HEALTHCHECK is asked, a request is sent, and SIGTERM
is. As root this is done as the USER of the image and on a read-only file system, otherwise as
oneself.

PYTHON stands for that of the base image; all users must reach it. Not tried: the base image, and
what an engine makes of the file.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: The folders of the image that its steps name.
FOLDERS = re.compile(r"(?<![\w.])/(?=(?:opt|source)\b)")
USUAL_PATH = "/usr/local/bin:/usr/bin:/bin"
TOKEN = "for-nobody"  # noqa: S105 - there is nobody to keep it from


@dataclass(frozen=True)
class Instruction:
    """One line of the file, with those that continue it."""

    keyword: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words of a text in the form of JSON or of a shell."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)


@dataclass
class Image:
    """What the last stage says of the container."""

    environment: dict[str, str] = field(default_factory=dict[str, str])
    user: str = ""
    command: list[str] = field(default_factory=list[str])
    healthcheck: list[str] = field(default_factory=list[str])


def instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions of a file."""
    bare = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for line in bare.replace("\\\n", " ").splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword:
            yield Instruction(keyword.upper(), " ".join(rest.split()))


def described(steps: Sequence[Instruction]) -> Image:
    """Return what the last stage says of the container."""
    image = Image()
    last = max(number for number, step in enumerate(steps) if step.keyword == "FROM")
    for step in steps[last:]:
        match step.keyword:
            case "ENV":
                image.environment |= dict(word.split("=", 1) for word in step.words)
            case "USER":
                image.user = step.text
            case "ENTRYPOINT" | "CMD":
                image.command += step.words
            case "HEALTHCHECK":
                image.healthcheck = json.loads(step.text.partition("CMD ")[2])
            case _:
                pass
    return image


def build(steps: Sequence[Instruction], folder: Path, python: str) -> None:
    """Do what the stages do, below `folder`; the last one is left in its folder `image`."""
    root, here, stage = folder / "image", folder, ""
    # Not a link: a virtual environment would take its folder for that of the interpreter.
    (folder / "bin").mkdir()
    (folder / "bin/python").write_text(f'#!/bin/sh\nexec "{python}" "$@"\n', encoding="utf-8")
    (folder / "bin/python").chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}/bin:{USUAL_PATH}", "PIP_QUIET": "1"}
    for step in steps:
        print(f"{step.keyword} {step.text}", flush=True)
        match step.keyword:
            case "FROM":
                if stage:
                    root.rename(folder / stage)
                stage = step.text.partition(" AS ")[2]
                root.mkdir()
            case "WORKDIR":
                here = root / step.text.lstrip("/")
                here.mkdir(parents=True)
            case "COPY":
                _copy(step.words, folder, here)
            case "RUN":
                command = FOLDERS.sub(f"{root}/", step.text)
                subprocess.run(["sh", "-c", command], cwd=here, env=environment, check=True)  # noqa: S603, S607
            case _:
                pass


def _copy(words: Sequence[str], folder: Path, here: Path) -> None:
    """Copy from the checkout into the folder of the stage, or from an earlier stage."""
    if words[0].startswith("--from="):
        stage, sources = folder / words[0].partition("=")[2], words[1:-1]
        pairs = [(stage / source.lstrip("/"), folder / "image") for source in sources]
        target = words[-1].lstrip("/")
    else:
        pairs, target = [(ROOT / source, here) for source in words[:-1]], words[-1]
    for source, base in pairs:
        if source.is_dir():
            unneeded = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, base / target, symlinks=True, ignore=unneeded)
        else:
            shutil.copy(source, base / target)


def confined(user: str) -> list[str]:
    """Return what comes before a command that may not write; nothing where that takes rights."""
    if os.geteuid() != 0:
        return []
    number, _, group = user.partition(":")
    read_only = 'mount -o remount,bind,ro / && exec "$@"'
    return [
        *("unshare", "--mount", "sh", "-c", read_only, "sh"),
        *("setpriv", "--reuid", number, "--regid", group, "--clear-groups", "--no-new-privs"),
    ]


def try_out(image: Image, path: str, port: int, before: Sequence[str] = ()) -> Mapping[str, object]:
    """Start the container's command, and say what it did; `path` finds the commands."""
    environment = image.environment | {"PATH": path, "RERANK_MOCK_PORT": str(port)}
    told = environment | {"ADMIN_TOKEN": TOKEN}
    with subprocess.Popen([*before, *image.command], cwd="/", env=told) as server:  # noqa: S603
        try:
            healthy = _becomes_healthy(image, told)
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            body = {"model": "BAAI/bge-reranker-v2-m3", "query": "apple", "documents": ["apple"]}
            heads = {"Authorization": "Bearer sk-mock", "Content-Type": "application/json"}
            connection.request("POST", "/v1/rerank", json.dumps(body), heads)
            status = connection.getresponse().status
            connection.close()
            server.send_signal(signal.SIGTERM)
            ended = server.wait(10)
        finally:
            server.kill()
    refused = subprocess.run(  # noqa: S603
        [*before, *image.command],
        cwd="/",
        env=environment,
        check=False,
        capture_output=True,
        timeout=30,
    )
    return {
        "healthy": healthy,
        "answered": status,
        "ended by SIGTERM": ended,
        "without a token": refused.returncode,
    }


#: What `try_out` must say.
EXPECTED = {"healthy": True, "answered": 200, "ended by SIGTERM": 0, "without a token": 2}


def _becomes_healthy(image: Image, environment: Mapping[str, str]) -> bool:
    """Ask as an engine does, until it is healthy or has failed ten times."""
    for _ in range(10):
        asked = subprocess.run(image.healthcheck, cwd="/", env=environment, check=False)  # noqa: S603
        if asked.returncode == 0:
            return True
        time.sleep(0.1)
    return False


def main(folder: Path, python: str) -> int:
    """Build and try out; return 0 if all is as it should be."""
    steps = list(instructions((ROOT / "Containerfile").read_text(encoding="utf-8")))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    build(steps, folder, python)
    image = described(steps)
    before = confined(image.user)
    found = FOLDERS.sub(f"{folder}/image/", image.environment["PATH"])
    seen = try_out(image, found.replace("$PATH", USUAL_PATH), 8788, before)
    for what, value in seen.items():
        print(f"{what}: {value}")
    if not before:
        print("as the user that started this, who may write: it takes root to be somebody else")
    return 0 if seen == EXPECTED else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2]))
