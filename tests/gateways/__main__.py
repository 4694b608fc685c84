"""Judges the gateways and records the verdicts, from the front and from both sides."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .gateways import GATEWAYS
from .records import VERDICTS, judged, recorded
from .sandwiches import RECORD, SANDWICHES, driven
from .sandwiches import recorded as recorded_sandwiches


def main(names: list[str]) -> None:
    """Record the gateways of these names, or all that are installed."""
    verdicts = recorded() if VERDICTS.exists() else {}
    for gateway in GATEWAYS:
        if gateway.executable and (not names or gateway.name in names):
            with TemporaryDirectory() as folder:
                verdicts[gateway.name] = judged(gateway, Path(folder))
            print(gateway.name, verdicts[gateway.name]["verdict"], flush=True)
            _write(
                VERDICTS, {one.name: verdicts[one.name] for one in GATEWAYS if one.name in verdicts}
            )
    found = recorded_sandwiches() if RECORD.exists() else {}
    for sandwich in SANDWICHES:
        name = f"{sandwich.name} (both sides)"
        if sandwich.gateway.executable and (not names or name in names):
            with TemporaryDirectory() as folder:
                found[sandwich.name] = driven(sandwich, Path(folder))
            print(name, found[sandwich.name]["verdict"], flush=True)
            _write(RECORD, {one.name: found[one.name] for one in SANDWICHES if one.name in found})


def _write(path: Path, ordered: dict[str, Any]) -> None:
    path.write_text(json.dumps(ordered, ensure_ascii=False, indent=1) + "\n", "utf-8")


main(sys.argv[1:])
