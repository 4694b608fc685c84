"""What published clients do, compared with what is recorded of them."""

import json
import os
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import pytest

from mockserver.fixtures import RerankMock

from .clients import INSTALLED, Client, environment
from .records import SETTINGS, Setting

pytestmark = [
    pytest.mark.clients,
    pytest.mark.skipif(
        not (INSTALLED / "installed").exists(), reason="`make clients` installs the clients"
    ),
]

TASK = {
    "id": "setting",
    "model": "BAAI/bge-reranker-v2-m3",
    "query": "apple",
    "documents": ["banana", "apple", "fruit"],
    "options": {},
    "timeout": 60,
}


def driven(command: list[str], variables: Mapping[str, str]) -> dict[str, Any]:
    """Return what a driver says of the task."""
    done = subprocess.run(
        command,
        input=json.dumps(TASK),
        env={**os.environ, **variables},
        capture_output=True,
        check=True,
        text=True,
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said
