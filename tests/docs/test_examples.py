"""Every example in the guides does what the guide says."""

import re
import shutil
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path

import pytest

from .guides import GUIDES, ROOT, Block, blocks, steps
from .reader import files, follow, session

#: Guide -> its blocks.
EXAMPLES = {
    str(path.relative_to(ROOT)): list(blocks(path.read_text(encoding="utf-8"))) for path in GUIDES
}
#: What a block may be: run, a file that a session uses, or (sh) for the reader to run alone.
LANGUAGES = {"console", "ini", "json", "python", "sh", "yaml"}


def differing(guide: list[Block], folder: Path) -> list[str]:
    """Follow a guide; return what did not print what it was to.

    `...` stands for anything, and a last line may lack its end.
    """
    same = OutputChecker().check_output
    return [
        f"$ {step.command}\n--- expected\n{step.output}--- printed\n{printed}"
        for step, printed in follow(guide, folder)
        if not same(step.output.rstrip("\n"), printed.rstrip("\n"), ELLIPSIS)
    ]


@pytest.mark.slow(20)
@pytest.mark.parametrize("name", [name for name in EXAMPLES if session(EXAMPLES[name])])
def test_the_examples_print_what_the_guide_shows(name: str, tmp_path: Path) -> None:
    guide = EXAMPLES[name]
    for program in ("curl", "redis-server"):
        if shutil.which(program) is None and any(program in s.command for s in session(guide)):
            pytest.skip(f"there is no {program} here")
    if differences := differing(guide, tmp_path):
        pytest.fail("\n".join(differences), pytrace=False)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_block_is_of_a_known_language(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8").count("```") == 2 * len(EXAMPLES[name])
    assert {block.language for block in EXAMPLES[name]} <= LANGUAGES


def unused(guide: list[Block]) -> list[str]:
    """Return the modules of a guide that no command and no other file names."""
    typed = [step.command for step in session(guide)]
    return [
        name
        for name in files(guide)
        if name.endswith(".py")
        and not any(
            re.search(rf"\b{Path(name).stem}\b", text)
            for text in (*typed, *(text for other, text in files(guide).items() if other != name))
        )
    ]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_module_that_is_shown_is_used(name: str) -> None:
    assert unused(EXAMPLES[name]) == []


GOOD = """
A module, `shout.py`:

```python
import sys
print(sys.argv[1].upper())
```

```console
$ python shout.py port-8787
PORT-8787
$ (echo ready; sleep 60) &
ready
$ echo one two \\
  three; false
one ... three
$ echo $?
1
```

```python
def test_it():
    assert True
```
"""


def test_a_guide_that_is_right_is_followed_to_its_end(tmp_path: Path) -> None:
    guide = list(blocks(GOOD))
    assert differing(guide, tmp_path) == []
    assert unused(guide) == []
    assert [step.command for step in session(guide)][2] == "echo one two \\\n  three; false"
    assert "8787" not in (follow(guide, tmp_path)[0][1])


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("one ... three", "one ... four", "--- printed\none two three"),
        ("$ echo $?\n1", "$ echo $?", "--- printed\n1"),
        ("ready\n$", "steady\n$", "--- printed\nready"),
        ("assert True", "assert False", "AssertionError"),
        ("def test_it", "def it", "no tests ran"),
        ("false", "exit", "--- expected\n1\n--- printed\n"),
    ],
)
def test_a_guide_that_is_wrong_is_found(right: str, wrong: str, told: str, tmp_path: Path) -> None:
    assert GOOD.count(right) == 1
    guide = list(blocks(GOOD.replace(right, wrong)))
    assert told in "\n".join(differing(guide, tmp_path))


def test_a_module_that_nothing_uses_is_found() -> None:
    assert unused(list(blocks(GOOD.replace("$ python shout.py", "$ echo")))) == ["shout.py"]


def test_a_session_that_begins_with_output_is_refused() -> None:
    with pytest.raises(ValueError, match="a session begins with"):
        steps("one\n$ echo one\none\n")
