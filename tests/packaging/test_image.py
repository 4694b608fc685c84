"""What can be tested of the image without a container engine; `make image` does the rest."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli
import yaml

from tools.image import EXPECTED, described, instructions, try_out

from .conftest import ROOT

STEPS = list(instructions((ROOT / "Containerfile").read_text(encoding="utf-8")))
IMAGE = described(STEPS)
COMPOSE: dict[str, Any] = yaml.safe_load(
    (ROOT / "docs/examples/compose.yaml").read_text(encoding="utf-8")
)
#: Finds the commands of the running environment.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
MOCK, CLIENT = COMPOSE["services"]["mock"], COMPOSE["services"]["client"]


def texts(keyword: str) -> list[str]:
    return [step.text for step in STEPS if step.keyword == keyword]


def test_each_base_is_slim_and_has_a_whole_version() -> None:
    bases = [text.split()[0] for text in texts("FROM")]
    assert len(set(bases)) == 1
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+\.\d+-slim-\w+", bases[0])


def test_the_user_has_a_number_and_no_rights() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", IMAGE.user)


def test_no_shell_stands_between_a_signal_and_the_mock() -> None:
    forms = [*texts("ENTRYPOINT"), *texts("CMD"), texts("HEALTHCHECK")[0].partition("CMD ")[2]]
    assert all(isinstance(json.loads(form), list) for form in forms)


def test_every_package_is_installed_by_its_digest() -> None:
    installs = [text for text in texts("RUN") if "pip install" in text]
    assert len(installs) == 2
    assert all("--require-hashes" in text or "--no-deps" in text for text in installs)


def test_what_is_copied_is_what_the_package_is_built_from() -> None:
    project = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    copied = {word for text in texts("COPY") if "--from" not in text for word in text.split()[:-1]}
    folders = set(project["tool"]["setuptools"]["package-dir"].values())
    files = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}

    assert copied == folders | files | {"constraints-runtime.txt"}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied == {line[1:] for line in ignored if line.startswith("!")}


@pytest.mark.slow
def test_the_command_of_the_image_serves_is_healthy_and_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert try_out(IMAGE, PATH, port) == EXPECTED


@pytest.mark.skipif(shutil.which("curl") is None, reason="the client of the example is curl")
def test_the_client_of_the_compose_example_is_answered_by_the_mock_of_it() -> None:
    script = CLIENT["command"][0].replace("$$", "$")
    given = MOCK["environment"] | {"ADMIN_TOKEN": "any"}

    done = subprocess.run(
        ["rerank-mock", "serve", "--quiet", "--port", "0", "--", *CLIENT["entrypoint"], script],
        env=IMAGE.environment | given | {"PATH": PATH},
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["results"][0]["index"] == 1
    assert CLIENT["environment"]["RERANK_API_KEY"] == MOCK["environment"]["RERANK_MOCK_KEY"]


def test_the_mock_of_the_compose_example_needs_nothing_but_its_port() -> None:
    assert MOCK["read_only"]
    assert MOCK["cap_drop"] == ["ALL"]
    assert CLIENT["depends_on"]["mock"]["condition"] == "service_healthy"
    port = IMAGE.environment["RERANK_MOCK_PORT"]
    assert CLIENT["environment"]["RERANK_BASE_URL"] == f"http://mock:{port}/v1"
    assert texts("EXPOSE") == [port]
