"""The table of switches in the guide is the one that the data of the newest revision gives."""

from typing import Any

from tests.schemas.data import NEWEST

from .guides import ROOT

GUIDE = (ROOT / "docs/behaviours.md").read_text(encoding="utf-8")
PRESETS = ("observed", "page", "strict")


def values(switch: dict[str, Any]) -> str:
    """Return the cell with the values of a switch, and what each of them means."""
    given = switch["values"]
    if isinstance(given, dict):
        return f"{given['type']} from {given['minimum']}: {given['meaning']}"
    return "<br>".join(f"`{value['value']}` {value['meaning']}" for value in given)


def test_the_guide_has_the_table_that_the_data_gives() -> None:
    behaviours = NEWEST.behaviours
    rows = [
        [
            f"`{switch['name']}`",
            switch["question"],
            values(switch),
            *(f"`{behaviours['presets'][preset][switch['name']]}`" for preset in PRESETS),
        ]
        for switch in behaviours["switches"]
    ]
    assert [line for line in GUIDE.splitlines() if line.startswith("| `")] == [
        f"| {' | '.join(row)} |" for row in rows
    ]
    assert f"| {' | '.join(f'`{preset}`' for preset in PRESETS)} |" in GUIDE
    assert behaviours["presets"].keys() == set(PRESETS)
