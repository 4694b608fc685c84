"""Grades the published clients, records the grades, and writes the page that shows them."""

import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from contract_tests.interop.clients import CLIENTS

from . import matrix
from .records import GRADES, graded, recorded


def main(names: list[str]) -> None:
    """Record the clients of these names, or all."""
    grades = recorded() if GRADES.exists() else {}
    today = datetime.now(timezone.utc).date().isoformat()
    for client in CLIENTS:
        if not names or client.name in names:
            with TemporaryDirectory() as folder:
                grades[client.name] = {"recorded": today, **graded(client, Path(folder))}
    ordered = {client.name: grades[client.name] for client in CLIENTS if client.name in grades}
    GRADES.write_text(json.dumps(ordered, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    matrix.main()


main(sys.argv[1:])
