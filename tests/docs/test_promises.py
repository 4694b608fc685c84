"""Each promise of the guide has a test that is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/promises.md").read_text(encoding="utf-8")


def test_each_promise_names_a_test_that_is_there() -> None:
    rows = [line for line in GUIDE.splitlines() if line.startswith("| ") and "`tests/" in line]
    assert len(rows) > 25
    for row in rows:
        (named,) = re.findall(r"`(tests/[\w/.]+)::(\w+)`", row)
        path, name = named
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), row
