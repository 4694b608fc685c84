import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copy

import pytest

from contract_tests.interop import command
from contract_tests.interop.clients import Client
from contract_tests.interop.installing import place
from tests.independent_server import IndependentServer

KEY = "sk-independent-5f3a1c"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[IndependentServer]:
    monkeypatch.setenv("SILICONFLOW_API_KEY", KEY)
    with IndependentServer(KEY) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "clients"


@pytest.fixture
def small(tmp_path: Path, folder: Path) -> Callable[..., Client]:
    """Make a client of these faults, which is as if it were installed."""
    drivers = tmp_path / "drivers"
    drivers.mkdir()
    copy(Path(__file__).with_name("small_client.py"), drivers)
    (drivers / "small_client.txt").write_text("small==1.0\n", encoding="utf-8")

    def make(*faults: str) -> Client:
        client = Client(faults[0] if faults else "right", "small", ("small_client.py", *faults))
        client = Client(client.name, client.package, client.driver, drivers)
        python = place(client, folder) / "bin/python"
        python.parent.mkdir(parents=True, exist_ok=True)
        # Without site, which this client does not need, Python starts faster.
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S "$@"\n', "utf-8")
        python.chmod(0o700)
        return client

    return make


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the command know these clients and no others."""
    return lambda *clients: monkeypatch.setattr(command, "CLIENTS", clients)
