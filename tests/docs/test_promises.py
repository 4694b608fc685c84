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


#: What a program asks that is not the same on all systems.
ASKS = re.compile(
    r"sys\.platform|import fcntl|hasattr\(os,|start_new_session=|O_NONBLOCK|SIGHUP|LOCALAPPDATA"
)


def test_each_place_that_depends_on_the_system_is_named_with_its_difference() -> None:
    systems = GUIDE.partition("## Supported systems")[2].partition("\n## ")[0]
    rooms = [*ROOT.glob("mockserver/**/*.py"), *ROOT.glob("contract_tests/**/*.py")]
    asking = {
        str(path.relative_to(ROOT))
        for path in rooms
        if ASKS.search(path.read_text(encoding="utf-8"))
    }
    assert len(asking) > 5
    assert asking == set(re.findall(r"`((?:mockserver|contract_tests)/[\w/]+\.py)`", systems))


def test_the_versions_of_python_are_the_same_wherever_they_are_stated() -> None:
    (first, last) = re.findall(r"CPython (3\.\d+) to (3\.\d+) \|", GUIDE)[0]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (interpreters,) = re.findall(r"^INTERPRETERS := (.*)$", makefile, re.MULTILINE)
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    classified = re.findall(r"Python :: (3\.\d+)", pyproject)
    assert interpreters.split() == classified
    assert (first, last) == (classified[0], classified[-1])
    assert f'requires-python = ">={first}"' in pyproject
