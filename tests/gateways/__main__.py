"""Judges the gateways and records the verdicts."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .gateways import GATEWAYS
from .records import VERDICTS, judged, recorded


def main(names: list[str]) -> None:
    """Record the gateways of these names, or all that are installed."""
    verdicts = recorded() if VERDICTS.exists() else {}
    for gateway in GATEWAYS:
        if gateway.executable and (not names or gateway.name in names):
            with TemporaryDirectory() as folder:
                verdicts[gateway.name] = judged(gateway, Path(folder))
            print(gateway.name, verdicts[gateway.name]["verdict"], flush=True)
            ordered = {one.name: verdicts[one.name] for one in GATEWAYS if one.name in verdicts}
            VERDICTS.write_text(json.dumps(ordered, ensure_ascii=False, indent=1) + "\n", "utf-8")


main(sys.argv[1:])
