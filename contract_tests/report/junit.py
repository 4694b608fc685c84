"""What a test's entry in a JUnit file says of the requirements that the test is after."""

from collections.abc import Iterable

from ..contract import Requirement


def properties(requirements: Iterable[Requirement]) -> list[tuple[str, object]]:
    """Name and value: the id, the level and the section of each requirement."""
    found = list({requirement.id: requirement for requirement in requirements}.values())
    return [
        *(("requirement", requirement.id) for requirement in found),
        *(("level", level) for level in dict.fromkeys(row.level for row in found)),
        *(("section", name) for name in dict.fromkeys(row.source["section"] for row in found)),
    ]
