"""Grades the published clients and records the grades."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from contract_tests.interop.clients import CLIENTS

from .records import GRADES, graded, recorded


def main(names: list[str]) -> None:
    """Record the clients of these names, or all."""
    grades = recorded() if GRADES.exists() else {}
    for client in CLIENTS:
        if not names or client.name in names:
            with TemporaryDirectory() as folder:
                grades[client.name] = graded(client, Path(folder))
    ordered = {client.name: grades[client.name] for client in CLIENTS if client.name in grades}
    GRADES.write_text(json.dumps(ordered, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


main(sys.argv[1:])
