"""The judge's word on one exchange, however a test has it at hand."""

import asyncio
import json
import urllib.request
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3

from contract_tests.checks.oracle import NonconformingError, Oracle, assert_conforms
from contract_tests.contract import REVISIONS, AnyJson, RevisionError
from mockserver.scenarios.scenario import Edit, Scenario, Step
from mockserver.testing.fixtures import RerankMock
from tests.contract_tests.exchanging import ANSWER, BODY, HEADERS

RISING: AnyJson = {**ANSWER, "results": ANSWER["results"][::-1]}
NO_HEADERS: dict[str, str] = {}
SORTED = "response.results.sorted"


def broken(request: object, response: object, *, strict: bool = False) -> set[str]:
    with pytest.raises(NonconformingError) as caught:
        assert_conforms(request, response, strict=strict)
    return {violation.requirement for violation in caught.value.violations}


def test_a_good_answer_conforms() -> None:
    assert_conforms(BODY, (200, HEADERS, ANSWER), strict=True)


@pytest.mark.parametrize("sent", [BODY, json.dumps(BODY), json.dumps(BODY).encode()])
@pytest.mark.parametrize("received", [RISING, json.dumps(RISING), json.dumps(RISING).encode()])
def test_a_bad_answer_does_not(sent: object, received: object) -> None:
    assert broken(sent, (200, HEADERS, received)) == {SORTED}


def test_what_was_seen_alone_fails_only_if_it_is_strict() -> None:
    told = (200, {**HEADERS, "content-type": "text/plain"}, ANSWER)
    assert_conforms(BODY, told)
    assert broken(BODY, told, strict=True) == {"response.header.content_type"}


def test_names_of_headers_may_be_in_any_case() -> None:
    told = {"Content-Type": "application/json", "X-SiliconCloud-Trace-Id": "ti_1"}
    assert_conforms(BODY, (200, told, ANSWER), strict=True)
    assert broken(BODY, (200, NO_HEADERS, ANSWER)) == {"response.header.trace_id"}


@pytest.mark.parametrize(
    ("sent", "requirement"),
    [
        ({**BODY, "top_n": 0}, "request.top_n.minimum"),
        ({**BODY, "query": None}, "request.query.type"),
        ({"model": "of a gateway", "query": "a", "documents": []}, "request.documents.minItems"),
        (b"no JSON", "request.body.json"),
        (b"[]", "request.body.type"),
    ],
)
def test_a_breach_is_to_be_refused(sent: AnyJson, requirement: str) -> None:
    assert requirement in broken(sent, (200, HEADERS, ANSWER))
    assert_conforms(sent, (400, HEADERS, {"code": 20015, "message": "no", "data": None}))


def test_an_optional_field_that_is_null_need_not_be_refused() -> None:
    assert_conforms({**BODY, "top_n": None}, (200, HEADERS, ANSWER))


def test_every_violation_is_told_with_its_requirement_level_and_what_came() -> None:
    scores = RISING["results"]
    with pytest.raises(NonconformingError) as caught:
        assert_conforms(BODY, (200, NO_HEADERS, {**RISING, "results": scores + scores[:1]}))
    message = str(caught.value)
    assert message.startswith("the answer breaks 3 requirements of the contract\n\n")
    assert f"\n{SORTED} (spec): " in message
    assert "\n  expected scores that never rise\n  received [0.25, 0.5, 0.75, 0.25]\n" in message
    assert "\nresponse.results.index.unique (spec): " in message
    assert '\nsent     {"model": "BAAI/bge-reranker-v2-m3", "query": "a"' in message
    assert '\nanswered 200 {"id": "0190a5b0c0de7abc8def0123456789ab"' in message


def test_no_key_is_told() -> None:
    key = "sk-0123456789abcdef"
    body = {**BODY, "query": key}
    sent = httpx.Request(
        "POST", "http://a/v1/rerank", headers={"authorization": f"Bearer {key}"}, json=body
    )
    received = {**RISING, "id": f"key {key}"}
    with pytest.raises(NonconformingError) as caught:
        assert_conforms(sent, httpx.Response(200, headers=HEADERS, json=received), strict=True)
    assert "error.key_hidden (observed)" in str(caught.value)
    assert key not in str(caught.value)
    assert key not in repr(caught.value.violations)


# Of the libraries themselves, over a socket


@pytest.fixture
def mock(rerank_server: RerankMock) -> RerankMock:
    """Answer well once, and then with rising scores."""
    rising = Step(answer=Edit(order="rising"))
    rerank_server.arm(Scenario("rising", (Step(), rising)))
    return rerank_server


def judged(*exchanges: tuple[object, object]) -> None:
    """The first is good, the second is not."""
    good, bad = exchanges
    assert_conforms(*good, strict=True)
    assert SORTED in broken(*bad)


def key(mock: RerankMock) -> dict[str, str]:
    return {"authorization": f"Bearer {mock.api_key}"}


def test_httpx_is_read(mock: RerankMock) -> None:
    url = f"{mock.base_url}/rerank"
    answers = [httpx.post(url, headers=key(mock), json=BODY) for _ in range(2)]
    judged(*((answer.request, answer) for answer in answers))


def test_asynchronous_httpx_is_read(rerank_mock: RerankMock) -> None:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(headers=key(rerank_mock)) as client:
            return await client.post(f"{rerank_mock.base_url}/rerank", json=BODY)

    answer = asyncio.run(ask())
    assert_conforms(answer.request, answer, strict=True)


def test_requests_is_read(mock: RerankMock) -> None:
    url = f"{mock.base_url}/rerank"
    answers = [requests.post(url, headers=key(mock), json=BODY, timeout=20) for _ in range(2)]
    judged(*((answer.request, answer) for answer in answers))


def test_urllib3_is_read(mock: RerankMock) -> None:
    url = f"{mock.base_url}/rerank"
    with urllib3.PoolManager() as pool:
        answers = [pool.request("POST", url, headers=key(mock), json=BODY) for _ in range(2)]
    judged(*((BODY, answer) for answer in answers))


def test_aiohttp_is_read(mock: RerankMock) -> None:
    async def ask() -> tuple[aiohttp.ClientResponse, aiohttp.ClientResponse]:
        async with aiohttp.ClientSession(headers=key(mock)) as session:
            url = f"{mock.base_url}/rerank"
            async with session.post(url, json=BODY) as one, session.post(url, json=BODY) as other:
                with pytest.raises(TypeError, match=r"ClientResponse has not been read yet"):
                    assert_conforms(BODY, one)
                await one.json()
                await other.read()
                return one, other

    judged(*((BODY, answer) for answer in asyncio.run(ask())))


def test_urllib_is_read(mock: RerankMock) -> None:
    def ask() -> tuple[object, object]:
        headers = {**key(mock), "Content-Type": "application/json"}
        sent = urllib.request.Request(f"{mock.base_url}/rerank", json.dumps(BODY).encode(), headers)
        with urllib.request.urlopen(sent) as answer:
            return sent, (answer.status, answer.headers, answer.read())

    judged(ask(), ask())


def test_a_call_of_the_mock_is_read(mock: RerankMock) -> None:
    for _ in range(2):
        httpx.post(f"{mock.base_url}/rerank", headers=key(mock), json=BODY)
    judged(*((call.request, call.response) for call in mock.calls))


# What cannot be read


async def coroutine() -> None: ...


@pytest.mark.parametrize(
    ("request_", "response", "error", "told"),
    [
        (None, (200, HEADERS, ANSWER), TypeError, "a request from NoneType: pass a request of"),
        (BODY, ANSWER, TypeError, r"an answer from dict: pass .* \(status, headers, body\)"),
        (BODY, (200, ANSWER), TypeError, "an answer from tuple"),
        (BODY, 200, TypeError, "an answer from int"),
        (
            httpx.Request("GET", "http://a/v1/models"),
            (200, HEADERS, ANSWER),
            ValueError,
            "GET /v1/models is not a rerank request",
        ),
        (
            httpx.Request("GET", "http://a/v1/rerank"),
            (200, HEADERS, ANSWER),
            ValueError,
            "GET /v1/rerank is not a rerank request",
        ),
        (
            httpx.Request("POST", "http://a/v1/rerank", content=iter([b"{}"])),
            (200, HEADERS, ANSWER),
            TypeError,
            "httpx.Request does not have the body that was sent",
        ),
        (
            BODY,
            httpx.Response(200, headers=HEADERS, stream=httpx.ByteStream(b"")),
            TypeError,
            "httpx.Response has not been read yet: read it first",
        ),
    ],
)
def test_what_cannot_be_read_is_told(
    request_: object, response: object, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        assert_conforms(request_, response)


def test_a_missing_await_is_told() -> None:
    forgotten: Any = coroutine()
    with pytest.raises(TypeError, match="is an await missing"):
        assert_conforms(BODY, forgotten)
    forgotten.close()


def test_the_fixture_is_the_function(rerank_oracle: Oracle) -> None:
    rerank_oracle(BODY, (200, HEADERS, ANSWER), strict=True)
    with pytest.raises(AssertionError, match=SORTED):
        rerank_oracle(BODY, (200, HEADERS, RISING))


OLD_ANSWER: AnyJson = {**ANSWER, "tokens": {"input_tokens": 4, "output_tokens": 0}}


def test_another_revision_is_asserted_by_name_or_folder() -> None:
    with pytest.raises(NonconformingError) as caught:
        assert_conforms(BODY, (200, HEADERS, ANSWER), revision="2024-11")
    (violation,) = caught.value.violations
    assert violation.requirement == "response.tokens.required"
    assert_conforms(BODY, (200, HEADERS, OLD_ANSWER), revision="2024-11")
    assert_conforms(BODY, (200, HEADERS, OLD_ANSWER), revision=REVISIONS / "2024-11")


def test_an_unknown_revision_cannot_be_asserted() -> None:
    with pytest.raises(RevisionError, match="there is no revision 1999-01"):
        assert_conforms(BODY, (200, HEADERS, ANSWER), revision="1999-01")


@pytest.mark.rerank_oracle(revision="2024-11")
def test_the_marker_names_the_revision(rerank_oracle: Oracle) -> None:
    rerank_oracle(BODY, (200, HEADERS, OLD_ANSWER))
    with pytest.raises(NonconformingError, match=r"response\.tokens\.required"):
        rerank_oracle(BODY, (200, HEADERS, ANSWER))


@pytest.mark.parametrize(
    ("revision", "outcomes"), [("2024-11", {"failed": 1}), ("1999-01", {"errors": 1})]
)
def test_the_project_names_the_revision(
    pytester: pytest.Pytester, revision: str, outcomes: dict[str, int]
) -> None:
    pytester.makeini(f"[pytest]\nrerank_oracle_revision = {revision}")
    pytester.makepyfile(
        f"""
        def test_it(rerank_oracle):
            rerank_oracle({BODY!r}, (200, {HEADERS!r}, {ANSWER!r}))
        """
    )
    plugins = ("no:rerank_mock", "no:rerank_oracle", "contract_tests.pytest_plugin")
    result = pytester.runpytest(*(f"-p{name}" for name in plugins))
    result.assert_outcomes(**outcomes)
    result.stdout.fnmatch_lines("*2024-11*" if "errors" in outcomes else "*response.tokens*")
