"""The HTML page is whole, safe and readable."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from contract_tests.report.html_page import TEMPLATE, tag, together, write
from tests.contract_tests.newest import REQUIREMENTS

from . import samples

#: Elements that never have content.
VOID = {"input", "link", "meta"}
PAGE = write(samples.VIOLATING)


class Page(HTMLParser):
    """What a page is made of; wrong nesting is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def names(self) -> set[str]:
        return {name for name, _ in self.elements}

    def of(self, name: str, class_: str = "") -> list[dict[str, str | None]]:
        return (
            [
                attributes
                for element, attributes in self.elements
                if element == name and class_ in (attributes.get("class") or "").split(" ")
            ]
            if class_
            else [attributes for element, attributes in self.elements if element == name]
        )


def test_every_requirement_has_a_cell_and_an_article() -> None:
    page = Page(PAGE)
    assert {article["id"] for article in page.of("article")} == set(REQUIREMENTS)
    assert {cell["href"] for cell in page.of("a", "cell")} == {f"#{name}" for name in REQUIREMENTS}


def test_an_article_says_its_outcome_in_words() -> None:
    page = Page(write(samples.UNFINISHED))
    outcomes = {article["id"]: article["data-outcome"] for article in page.of("article")}
    assert outcomes["response.results.sorted"] == "inconclusive"
    assert page.text.count("inconclusive") == list(outcomes.values()).count("inconclusive")


@pytest.mark.parametrize(
    "told",
    [
        "1 result",
        "2 results",
        "x-siliconcloud-trace-id: ti_1",
        "Answer: status 200",
        "curl -sS -i https://rerank.example/v1/rerank",
        "rerank-contract check --only=request.top_n.count",
        "def test_request_top_n_count() -> None:",
    ],
)
def test_a_violation_is_told_in_full(told: str) -> None:
    assert any(told in text for text in Page(PAGE).text)


def test_nothing_that_a_target_says_becomes_an_element_or_an_attribute() -> None:
    attacked, quiet = Page(write(samples.ATTACKED)), Page(PAGE)
    assert attacked.names() <= quiet.names()
    assert len(attacked.of("script")) == 1
    assert attacked.of("img") == []
    attributes = {name for _, given in attacked.elements for name in given}
    assert attributes <= {name for _, given in quiet.elements for name in given}
    assert "<script>document.title='owned'</script>" in "".join(attacked.text)


def test_text_is_escaped_and_elements_are_not() -> None:
    assert tag("p", "a < b", tag("b", "&"), title='"') == (
        '<p title="&quot;">a &lt; b<b>&amp;</b></p>'
    )
    assert together("<", tag("i")) == "&lt;<i></i>"


def test_the_page_runs_its_own_script_alone() -> None:
    (policy,) = [
        given["content"] or ""
        for given in Page(PAGE).of("meta")
        if given.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for element in ("script", "style"):
        (content,) = re.findall(f"<{element}>(.*?)</{element}>", PAGE, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[f"{element}-src"] == f"'sha256-{digest}'"
    assert not any("style" in given or "onclick" in given for _, given in Page(PAGE).elements)


def test_the_page_asks_for_nothing_else() -> None:
    page = Page(PAGE)
    assert page.names().isdisjoint({"img", "link", "iframe", "object", "embed", "base", "video"})
    assert not [given for _, given in page.elements if "src" in given]
    assert all((given["href"] or "").startswith("#") for given in page.of("a"))
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", PAGE)


def test_every_control_has_a_name() -> None:
    page = Page(PAGE)
    labelled = {given.get("for") for given in page.of("label")}
    for given in page.of("input"):
        assert given["type"] == "radio" or given.get("id") in labelled
    assert PAGE.count("<legend") == PAGE.count("<fieldset") == 2
    assert page.of("html")[0]["lang"] == "en"


def colours(theme: str) -> dict[str, str]:
    """The colours of a theme, by name."""
    style = TEMPLATE.read_text("utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", {"light": light, "dark": dark}[theme]))


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """How well two colours can be told apart, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def mixed(tone: str, ground: str, share: float) -> str:
    """What `color-mix` makes of two colours in sRGB."""
    channels = (
        round(int(tone[i : i + 2], 16) * share + int(ground[i : i + 2], 16) * (1 - share))
        for i in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02x}" for channel in channels)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_every_ground(theme: str) -> None:
    palette = colours(theme)
    grounds = [palette.pop(name) for name in ("page", "panel", "well")]
    palette.pop("line")
    assert len(palette) == 11
    for tone in palette.values():
        for ground in (*grounds, mixed(tone, grounds[1], 0.13)):
            assert contrast(tone, ground) >= 4.5, (tone, ground)


def test_an_answer_is_shown_as_json_that_can_be_read() -> None:
    shown = json.dumps(samples.ANSWER, indent=2)
    assert any(shown in text for text in Page(PAGE).text)


def test_why_nothing_was_found_out_stands_once_before_the_overview() -> None:
    page = write(samples.UNFINISHED)
    before = page[: page.index('aria-label="Overview"')]
    assert before.count("the budget of 50 requests is spent") == 1
    assert " more</p>" in before
    assert "What does not hold" not in page


def test_the_evidence_of_a_requirement_is_folded_below_it() -> None:
    _, _, rest = PAGE.partition('<article id="response.results.index.unique"')
    folded = rest.partition("</article>")[0].partition("<details><summary>Evidence</summary>")[2]
    for axis in ("page", "clients", "mutant", "servers"):
        assert f"<dt>{axis}</dt>" in folded
    assert "returns a document twice: found at request 3" in folded
