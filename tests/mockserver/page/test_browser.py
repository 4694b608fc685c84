"""The page in a real browser: what a person does, and sees. Run by `make browser`."""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import ClientConnection

from mockserver.serving.server import ThreadedServer, listen
from mockserver.state.clock import Clock
from mockserver.state.store import State
from tests.mockserver.asking import BGE, CATALOGUE, fields

from .browser import CHROMIUM, Tab, chromium

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

NOON = 1_800_014_400.0
ROWS = "#exchanges tbody tr"


class Page:
    """The page of a mock of its own, opened in a tab."""

    def __init__(self, tab: Tab, state: State, port: int) -> None:
        self.tab = tab
        self.state = state
        self.origin = f"http://127.0.0.1:{port}"
        self.url = f"{self.origin}/__admin/"

    def send(self, key: str = "sk-mock", **changes: object) -> httpx.Response:
        """Send a request from outside."""
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.post(f"{self.origin}/v1/rerank", json=fields(**changes), headers=headers)

    def rows(self) -> list[str]:
        """Return the texts of the rows, newest first."""
        found: list[str] = self.tab.evaluate(
            f"[...document.querySelectorAll('{ROWS}')]"
            ".map((row) => [...row.cells].map((cell) => cell.textContent).join(' '))"
        )
        return found

    def until_rows(self, count: int) -> None:
        self.tab.until(f"document.querySelectorAll('{ROWS}').length === {count}")


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Generator[ClientConnection]:
    with chromium(tmp_path_factory.mktemp("profile")) as connection:
        yield connection


@pytest.fixture
def tab(connection: ClientConnection) -> Iterator[Tab]:
    tab = Tab(connection)
    tab.resize(1280)
    yield tab
    tab.close()
    assert tab.problems == []


@pytest.fixture
def page(tab: Tab) -> Generator[Page]:
    state = State(clock=Clock(NOON))
    with listen() as listener, ThreadedServer(state, listener):
        page = Page(tab, state, listener.getsockname()[1])
        tab.open(page.url)
        tab.until_text("#connection", "Live")
        yield page
        # No request is under way when the mock ends.
        tab.open("about:blank")


def run(command: str, **environment: str) -> str:
    """Run a command in a shell; return what it prints."""
    plain = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    ran = subprocess.run(
        ["bash", "-c", command],
        env={**plain, **environment},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return ran.stdout


def test_the_first_request_is_copied_run_and_seen(page: Page) -> None:
    tab = page.tab
    assert "No requests yet" in tab.text("#no-exchange")
    tab.click("#copy-first")
    tab.until_text("#notice", "Copied")
    assert "relevance_score" in run(tab.clipboard())
    page.until_rows(1)
    assert page.rows() == [f"1 12:00:00 200 answered POST /v1/rerank account-1 {BGE} 2 6 0.0 "]
    assert tab.text("#journal-count") == "1 exchange"
    assert not tab.evaluate("document.querySelector('#no-exchange').checkVisibility()")


def test_an_exchange_is_opened_and_copied_as_a_command_that_sends_it_again(page: Page) -> None:
    tab = page.tab
    page.send(query='it\'s \u202e\n"$HOME"', top_k=3)
    page.until_rows(1)
    tab.click(f"{ROWS} td.model")
    tab.until_text("#exchange-title", "Exchange 1 200 answered")
    shown = tab.text("#exchange-content")
    assert "`top_k`: did you mean `top_n`?" in shown
    assert "it's U+202E\\n" in shown
    assert "sk-mock" not in shown
    tab.click("#copy-curl")
    tab.until_text("#copy-note", "Copied as curl.")
    run(tab.clipboard(), RERANK_API_KEY="sk-mock")
    first, second = page.state.journal
    assert second.request.body == first.request.body
    assert (second.request.path, second.outcome) == (first.request.path, "answered")
    tab.click("#close")
    page.until_rows(2)
    tab.click(f"{ROWS}:nth-child(1) button")
    tab.click("#older")
    tab.until_text("#exchange-title", "Exchange 1 ")
    assert tab.evaluate("document.querySelector('#older').disabled")


def test_an_exchange_is_copied_as_a_test_that_passes(page: Page, tmp_path: Path) -> None:
    tab = page.tab
    page.state.arm("account-1", CATALOGUE["overloaded_forever"])
    page.send()
    page.until_rows(1)
    tab.click(f"{ROWS} button")
    tab.click("#copy-test")
    tab.until_text("#copy-note", "Copied as a test.")
    (tmp_path / "test_copied.py").write_text(tab.clipboard(), encoding="utf-8")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["mockserver.testing.plugin"]\n')
    arguments = [sys.executable, "-m", "pytest", "-q", "-p", "no:rerank_mock", str(tmp_path)]
    ran = subprocess.run(
        [*arguments, "-p", "no:rerank_oracle"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in ran.stdout, ran.stdout


def test_a_scenario_is_armed_met_and_removed(page: Page) -> None:
    tab = page.tab
    tab.choose("#arm [name=scenario]", "overloaded_then_success")
    assert "gives up too soon" in tab.text("#why")
    tab.click("#arm .primary")
    tab.until_text("#notice", "Armed overloaded_then_success for account-1: number 1.")
    assert "waiting" in tab.text("#receipts")
    assert [page.send().status_code for _ in range(2)] == [503, 503]
    page.until_rows(2)
    assert "503 overloaded" in page.rows()[0]
    tab.until_text("#receipts", "overloaded 2 of 2 requests, met")
    page.send()
    tab.until("document.querySelector('#receipts article').dataset.met === 'true'")
    assert tab.text("#scenarios-count") == "0 waiting, 1 met"
    tab.click("#disarm")
    tab.until_text("#receipts", "No scenario is armed")
    assert page.state.receipts() == []


def test_exchanges_are_filtered_by_account_outcome_and_advice(page: Page) -> None:
    tab = page.tab
    page.state.open_account("sk-other", name="other")
    page.send()
    page.send(top_n=0)
    page.send("sk-other", top_k=1)
    page.send("sk-wrong")
    page.until_rows(4)
    for name, value, left in (
        ("account", '"other"', 1),
        ("account", "null", 1),
        ("account", "", 4),
        ("outcome", "key_invalid", 1),
        ("outcome", "not", 2),
        ("outcome", "", 4),
        ("advice", "unknown_field", 1),
        ("advice", "breach", 2),
        ("advice", "any", 3),
    ):
        tab.choose(f"#filters [name={name}]", value)
        page.until_rows(left)
    assert tab.text("#journal-count") == "3 of 4 exchanges"
    page.send()
    page.send("sk-other", top_k=2)
    page.until_rows(4)
    tab.choose("#filters [name=outcome]", "key_invalid")
    tab.choose("#filters [name=account]", '"other"')
    tab.until_text("#no-match", "No exchange matches")
    tab.click("#clear-filters")
    page.until_rows(6)
    tab.click("#account-list [data-key=other]")
    page.until_rows(2)
    tab.click("#filters button")
    page.until_rows(6)


def test_the_clock_is_frozen_moved_and_resumed(page: Page) -> None:
    tab, clock = page.tab, page.state.clock
    tab.until_text("#clock-state", "frozen")
    tab.click("[data-seconds='3600']")
    tab.until_text("#notice", "The clock stands at 2027-01-15 13:00:00 UTC.")
    assert tab.text("#now") == "2027-01-15 13:00:00 UTC"
    tab.click("#advance input")
    tab.type("90.5")
    tab.press("Enter")
    tab.until_text("#now", "13:01:30")
    assert clock.now() == NOON + 3690.5
    for wrong in ("x", "-1"):
        tab.evaluate("document.querySelector('#advance').reset()")
        tab.click("#advance input")
        tab.type(wrong)
        tab.press("Enter")
        tab.until_text("#notice[data-kind=refused]", "$.seconds: ")
        tab.click("#notice button")
    assert clock.now() == NOON + 3690.5
    tab.click("#freeze")
    tab.until_text("#clock-state", "running")
    assert not clock.frozen
    tab.click("#freeze")
    tab.until_text("#clock-state", "frozen")


def test_limits_money_and_models_are_seen_as_they_are(page: Page) -> None:
    tab, state = page.tab, page.state
    state.change_account("account-1", limits={"RPM": 2}, granted_balance="1.5")
    for _ in range(3):
        page.send()
    page.until_rows(3)
    tab.until_text("#account-list", "2 of 2, full")
    assert "¥101.50" in tab.text("#account-list")
    assert "429" in page.rows()[0]
    tab.click("[data-seconds='60']")
    tab.until("!document.querySelector('#account-list').innerText.includes('full')")
    tab.click(f"#model-list [data-key='{BGE}']")
    tab.until_text("#notice", f"{BGE} is offline.")
    assert state.models[BGE].state == "offline"
    assert page.send().status_code == 403
    # The focus is still on the button, though its list was made anew.
    tab.press("Enter")
    tab.until_text("#notice", f"{BGE} is online.")


def test_a_reset_brings_the_beginning_back_and_clearing_only_deletes_exchanges(page: Page) -> None:
    tab = page.tab
    page.state.open_account(name="late")
    page.send()
    page.until_rows(1)
    tab.click("#clear")
    tab.until_text("#notice", "Deleted 1 exchange.")
    tab.until_text("#no-exchange", "No requests yet")
    page.send()
    page.until_rows(1)
    assert page.rows()[0].startswith("2")
    tab.click("#reset")
    tab.until_text("#notice", "as it was at its start: 1 account, 0 exchanges.")
    page.until_rows(0)
    assert list(page.state.accounts) == ["account-1"]
    page.send()
    page.until_rows(1)
    # A test resets the mock and sends more than the page has seen, before that asks again.
    tab.click("#pause")
    page.state.reset()
    page.send(top_n=0)
    page.send()
    tab.click("#pause")
    page.until_rows(2)
    assert "400" in page.rows()[1]


def test_nothing_moves_while_it_is_paused(page: Page) -> None:
    tab = page.tab
    tab.click("#pause")
    tab.until_text("#connection", "Paused")
    page.send()
    tab.click("[data-seconds='1']")
    tab.until_text("#notice", "12:00:01")
    assert page.rows() == []
    tab.click("#pause")
    page.until_rows(1)
    tab.until_text("#connection", "Live")


def test_everything_works_without_a_mouse(page: Page) -> None:
    tab = page.tab
    for _ in range(3):
        page.send()
    page.until_rows(3)
    tab.tab_to(f"{ROWS}:first-child button")
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.press("ArrowDown", times=2)
    tab.press("Enter")
    tab.until_text("#exchange-title", "Exchange 1 ")
    tab.tab_to("#copy-curl")
    tab.press("Space")
    tab.until_text("#copy-note", "Copied as curl.")
    tab.tab_to("#newer")
    tab.press("Enter")
    tab.until_text("#exchange-title", "Exchange 2 ")
    tab.press("Escape")
    # The event that moves the focus comes after the dialog has closed.
    tab.until("document.activeElement.closest('tr')?.dataset.number === '2'")
    tab.press("Home")
    assert tab.evaluate("document.activeElement.closest('tr').dataset.number") == "3"
    tab.tab_to("#arm [name=scenario]")
    tab.press("ArrowDown")
    tab.tab_to("#arm .primary")
    tab.press("Enter")
    tab.until_text("#notice", "Armed rate_limit_with_retry_after")
    tab.tab_to("[data-seconds='60']")
    tab.press("Space")
    tab.until_text("#notice", "The clock stands at")


HOSTILE = '<img src=x onerror="window.fooled=1"><b>\u202e</b>'


def test_hostile_texts_stay_texts(page: Page) -> None:
    tab = page.tab
    page.state.open_account("sk-hostile", name=HOSTILE)
    page.send("sk-hostile", query=HOSTILE, documents=[HOSTILE], model=HOSTILE)
    headers = {"Authorization": "Bearer sk-hostile", "X-Note": HOSTILE.replace("\u202e", "")}
    httpx.get(f"{page.origin}/v1/{HOSTILE}?{HOSTILE}", headers=headers)
    page.until_rows(2)
    tab.until("document.querySelectorAll('#account-list article').length === 2")
    tab.choose("#filters [name=account]", json.dumps(HOSTILE, ensure_ascii=False))
    tab.choose("#arm [name=account]", HOSTILE)
    tab.click("#arm .primary")
    tab.until_text("#notice", "Armed")
    for row in (1, 2):
        tab.click(f"{ROWS}:nth-child({row}) button")
        tab.until_text("#exchange-content", "onerror=")
        tab.evaluate("document.querySelectorAll('details').forEach((d) => d.open = true)")
        assert "U+202E" in tab.text("#exchange-content")
        tab.click("#close")
    assert "U+202E" in page.rows()[0] + page.rows()[1]
    assert tab.evaluate("document.querySelectorAll('img:not(h1 img), b').length") == 0
    assert tab.evaluate("window.fooled") is None
    # And if a script were to forget it, the browser would refuse.
    refused = "(() => { try { document.body.innerHTML = '<b>'; } catch { return true; } })()"
    assert tab.evaluate(refused)
    tab.problems.clear()


@pytest.mark.parametrize("width", [360, 768, 1280, 1600])
def test_it_fits_and_is_legible_in_light_and_dark(page: Page, width: int) -> None:
    tab = page.tab
    page.state.arm("account-1", CATALOGUE["overloaded_then_success"])
    bodies: list[dict[str, object]] = [
        {},
        {},
        {"top_k": 1},
        {"top_n": 0},
        {"documents": ["a", "a"]},
    ]
    for body in bodies:
        page.send("sk-mock", **body)
    page.until_rows(5)
    tab.resize(width)
    grounds: list[float] = []
    for scheme in ("light", "dark"):
        tab.prefer(color_scheme=scheme, reduced_motion="reduce")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert tab.evaluate("document.querySelector('aside').scrollWidth <= innerWidth")
        faint: list[str] = tab.evaluate(FAINT)
        assert faint == []
        tab.click(f"{ROWS}:nth-child(1) button")
        tab.until("document.querySelector('#exchange').open")
        assert tab.evaluate(FAINT) == []
        assert tab.evaluate("document.querySelector('#exchange').scrollWidth <= innerWidth")
        tab.press("Escape")
        grounds.append(
            tab.evaluate(f"({LUMINANCE})(getComputedStyle(document.body).backgroundColor)")
        )
    light, dark = grounds
    assert light > 0.8
    assert dark < 0.1


#: The relative luminance of a colour, as in WCAG 2.
LUMINANCE = """(colour) => {
  const canvas = document.createElement('canvas').getContext('2d');
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}"""

#: What is seen with a contrast of less than 4.5, the least that WCAG 2 asks for.
FAINT = f"""(() => {{
  const luminance = {LUMINANCE};
  const ground = (element) => {{
    for (let at = element; at; at = at.parentElement) {{
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }}
    return getComputedStyle(document.body).backgroundColor;
  }};
  const root = document.querySelector('dialog[open]') ?? document.body;
  return [...root.querySelectorAll('*')]
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .filter((e) => e.checkVisibility() && !e.disabled && !e.closest('.unseen, noscript, option'))
    .map((e) => [e, luminance(getComputedStyle(e).color), luminance(ground(e))])
    .map(([e, one, two]) => [e, (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)])
    .filter(([, contrast]) => contrast < 4.5)
    .map(([e, contrast]) => `${{e.tagName}}.${{e.className}} ${{e.innerText}}: ${{contrast}}`);
}})()"""


def test_a_thousand_exchanges_are_held_and_some_of_them_drawn(page: Page) -> None:
    tab = page.tab
    headers = {"Authorization": "Bearer sk-mock"}
    page.state.change_account("account-1", limits={})
    with httpx.Client(base_url=page.origin, headers=headers) as client:
        for number in range(1000):
            client.post("/v1/rerank", json=fields(top_n=number % 2))
    tab.until_text("#journal-count", "exchanges")
    tab.until("document.querySelector('#journal-count').innerText.startsWith('1,000')")
    page.until_rows(200)
    tab.click("#more")
    page.until_rows(400)
    tab.choose("#filters [name=outcome]", "parameter_rule")
    tab.until_text("#journal-count", "500 of 1,000 exchanges")
    page.until_rows(200)
    assert tab.evaluate("document.querySelectorAll('*').length") < 6000
    page.send(top_n=0)
    tab.until(f"document.querySelector('{ROWS}').dataset.number === '1001'")
    page.until_rows(200)


def test_a_mock_with_a_token_asks_for_it(tab: Tab) -> None:
    with listen() as listener, ThreadedServer(State(), listener, "s3cret"):
        page = Page(tab, State(), listener.getsockname()[1])
        tab.open(page.url)
        tab.until("document.querySelector('#ask-token').open")
        assert tab.text("#accounts-count") == ""
        tab.press("Escape")
        for given, problem in (("wrong", ""), ("s3cret", "not the token")):
            tab.until_text("#token-problem", problem)
            tab.click("#ask-token input")
            tab.type(given)
            tab.press("Enter")
        tab.until_text("#connection", "Live")
        tab.until_text("#accounts-count", "1 account")
        # Kept for this tab, and nowhere else.
        tab.open(page.url)
        tab.until_text("#connection", "Live")
        assert "s3cret" not in tab.evaluate("location.href + document.cookie")
        assert tab.evaluate("localStorage.length") == 0
        tab.open("about:blank")


def test_a_mock_that_ends_and_comes_back_is_followed(tab: Tab) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(listen())
        port = listener.getsockname()[1]
        stack.enter_context(ThreadedServer(State(), listener))
        page = Page(tab, State(), port)
        tab.open(page.url)
        page.send()
        page.until_rows(1)
    tab.until_text("#connection", "The mock does not answer")
    tab.click("#reset")
    tab.until_text("#notice[data-kind=refused]", "The mock does not answer.")
    with listen(port=port) as listener, ThreadedServer(State(), listener):
        tab.until_text("#connection", "Live")
        page.until_rows(0)
        tab.open("about:blank")


def test_without_access_to_the_clipboard_the_text_is_shown_to_be_copied(page: Page) -> None:
    tab = page.tab
    tab.evaluate("navigator.clipboard.writeText = () => Promise.reject(Error())")
    tab.click("#copy-url")
    tab.until("document.querySelector('#by-hand').open")
    assert tab.evaluate("String(getSelection()) || document.activeElement.value").endswith("/v1")
