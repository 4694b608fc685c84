"""Judges the second server, as it is and with each fault, and records the verdicts."""

import json

from .faults import FAULTS
from .records import PLAIN, VERDICTS, judged

verdicts: dict[str, dict[str, list[str]]] = {}
for fault in (None, *FAULTS):
    name = fault or PLAIN
    verdicts[name] = judged(fault)
    print(name, *verdicts[name]["failed"], flush=True)
VERDICTS.write_text(json.dumps(verdicts, indent=1) + "\n", "utf-8")
