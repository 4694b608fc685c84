"""The mock without pytest's fixtures: as a context manager and as a decorator."""

import asyncio
import inspect
import linecache
import os
import sys
import unittest
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mockserver.behaviour import BehaviourError
from mockserver.serving.respx_router import BASE_URL
from mockserver.testing.contexts import MockedRerank, mock_rerank, serve_rerank
from mockserver.testing.expectations import AdviceWarning, ExpectationError
from mockserver.testing.fixtures import RerankMock
from tests.mockserver.asking import fields

WAYS = pytest.mark.parametrize("way", [mock_rerank, serve_rerank])
Way = Callable[..., MockedRerank]


def post(mock: RerankMock, **changes: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {mock.api_key}"}
    return httpx.post(f"{mock.base_url}/rerank", json=fields(**changes), headers=headers)


async def post_async(mock: RerankMock, **changes: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {mock.api_key}"}
    async with httpx.AsyncClient(base_url=mock.base_url, headers=headers) as client:
        return await client.post("/rerank", json=fields(**changes))


@WAYS
def test_each_entry_has_a_new_mock(way: Way) -> None:
    ours = way()
    for _ in range(2):
        with ours as mock:
            assert post(mock).status_code == 200
            mock.calls.assert_called_once_with(query="Apple")
    with ours as outer, serve_rerank() as inner:
        post(inner)
        outer.calls.assert_not_called()


def test_one_has_the_base_url_of_the_service_and_the_other_a_free_port() -> None:
    with mock_rerank() as inside, serve_rerank() as outside:
        assert inside.base_url == BASE_URL
        assert outside.base_url.startswith("http://127.0.0.1:")
        assert post(outside).status_code == 200
        inside.calls.assert_not_called()


@WAYS
def test_a_function_is_given_the_mock(way: Way) -> None:
    @way()
    def ask(mock: RerankMock, query: str, *, top_n: int) -> str:
        """Ask."""
        assert post(mock, query=query, top_n=top_n).status_code == 200
        return f"{mock.calls.last.sent.query}, {len(mock.calls)}"

    assert ask("Pear", top_n=1) == "Pear, 1"
    assert ask("Plum", top_n=1) == "Plum, 1"
    assert (ask.__name__, ask.__doc__) == ("ask", "Ask.")
    assert list(inspect.signature(ask).parameters) == ["query", "top_n"]


@WAYS
def test_a_coroutine_is_given_the_mock(way: Way) -> None:
    @way(fail_on="remark")
    async def ask(mock: RerankMock, top_n: int | None) -> int:
        return (await post_async(mock, top_n=top_n)).status_code

    assert inspect.iscoroutinefunction(ask)
    assert asyncio.run(ask(1)) == 200
    with pytest.raises(AssertionError, match="null_field"):
        asyncio.run(ask(None))


@mock_rerank()
@serve_rerank()
def test_decorators_hand_over_from_the_nearest_on(served: RerankMock, mocked: RerankMock) -> None:
    assert mocked.base_url == BASE_URL
    assert served.base_url != BASE_URL


@mock_rerank()
def test_pytest_sees_no_fixture_in_the_parameter(
    any_name: RerankMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert monkeypatch
    assert post(any_name).status_code == 200


class OfUnittest(unittest.TestCase):
    @mock_rerank()
    def test_good(self, mock: RerankMock) -> None:
        post(mock)
        mock.calls.assert_called_once()

    @serve_rerank()
    def test_breach(self, mock: RerankMock) -> None:
        post(mock, top_n=0)

    @mock_rerank()
    def test_unmet(self, mock: RerankMock) -> None:
        mock.arm("overloaded")


class OfAsyncUnittest(unittest.IsolatedAsyncioTestCase):
    @mock_rerank()
    async def test_good(self, mock: RerankMock) -> None:
        await post_async(mock)
        mock.calls.assert_called_once()

    @mock_rerank()
    async def test_breach(self, mock: RerankMock) -> None:
        await post_async(mock, top_n=0)


# Those that fail on purpose are no tests of ours.
OfUnittest.__test__ = False  # type: ignore[attr-defined]
OfAsyncUnittest.__test__ = False  # type: ignore[attr-defined]


def test_tests_of_unittest_fail_for_their_client() -> None:
    result = unittest.TestResult()
    for case in (OfUnittest, OfAsyncUnittest):
        unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    assert result.testsRun == 5
    assert result.errors == []
    failed = {test.id().rpartition(".")[2]: told for test, told in result.failures}
    assert len(result.failures) == 3
    assert failed.keys() == {"test_breach", "test_unmet"}
    assert "the client broke the contract: top_n_below_one" in failed["test_breach"]
    assert 'mock_rerank(allow=["top_n_below_one"])' in failed["test_breach"]
    assert "mock_rerank(assert_all_met=False)" in failed["test_unmet"]


@WAYS
def test_the_options_say_what_is_demanded(way: Way) -> None:
    with way(fail_on="nothing", assert_all_met=False) as mock:
        mock.arm("overloaded_then_success")
        post(mock, top_n=0)
    with way(allow=["top_n_below_one"]) as mock:
        post(mock, top_n=0)
    unkept = pytest.raises(AssertionError, match=r"(?s)unknown_field.*never reached")
    with unkept, way(fail_on="mistake") as mock:
        post(mock, top_k=1)
        mock.arm("overloaded")


@WAYS
def test_behaviour_and_seed_are_those_of_the_mock(way: Way) -> None:
    ids = set[str]()
    for seed in (1, 1, 2):
        with way(behaviour="strict", seed=seed, allow=["unknown_field"]) as mock:
            mock.clock.freeze(1_800_000_000)
            assert post(mock, top_k=1).status_code == 400
            ids.add(post(mock).json()["id"])
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"fail_on": "breech"}, ExpectationError),
        ({"allow": ["nul_field"]}, ExpectationError),
        ({"behaviour": "stric"}, BehaviourError),
    ],
)
@WAYS
def test_a_wrong_option_is_reported_where_it_is_used(
    way: Way, options: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        way(**options)


@WAYS
def test_each_test_of_a_class_is_given_a_mock_of_its_own(way: Way) -> None:
    @way()
    class Tests:
        def test_one(self, mock: RerankMock) -> int:
            post(mock)
            return len(mock.calls)

        async def test_two(self, mock: RerankMock) -> int:
            await post_async(mock)
            return len(mock.calls)

        def helper(self) -> str:
            return "no mock"

    tests: Any = Tests()
    assert (tests.test_one(), asyncio.run(tests.test_two())) == (1, 1)
    assert tests.helper() == "no mock"


@WAYS
def test_a_decorator_needs_no_parentheses(way: Any) -> None:  # noqa: ANN401 - used untyped
    @way  # type: ignore[untyped-decorator]
    def ask(mock: RerankMock) -> int:
        return post(mock).status_code

    assert ask() == 200
    with pytest.raises(TypeError, match="options by name, not 'strict'"):
        way("strict")


def test_another_base_url_and_hosts_to_reach_can_be_chosen() -> None:
    with mock_rerank(base_url="https://gateway.example/v1", passthrough="all") as mock:
        assert mock.base_url == "https://gateway.example/v1"
        assert post(mock).status_code == 200
    with pytest.raises(ExpectationError, match="base_url must be a URL that ends in /v1"):
        mock_rerank(base_url="https://gateway.example")


@WAYS
def test_a_mock_is_entered_by_async_with(way: Way) -> None:
    async def ask() -> int:
        async with way() as mock:
            return (await post_async(mock)).status_code

    assert asyncio.run(ask()) == 200


@WAYS
def test_a_mock_is_started_and_stopped(way: Way) -> None:
    ours = way()
    mock = ours.start()
    post(mock, top_n=0)
    with pytest.raises(AssertionError, match="top_n_below_one"):
        ours.stop()
    with pytest.raises(RuntimeError, match=r"stop\(\) without start\(\)"):
        ours.stop()


def test_a_function_must_take_the_mock() -> None:
    def ask() -> None: ...

    with pytest.raises(TypeError, match="ask has no parameter to take the mock"):
        mock_rerank()(ask)  # type: ignore[arg-type]  # pyright: ignore


@WAYS
def test_an_error_is_passed_on_with_what_may_have_caused_it(way: Way) -> None:
    with pytest.raises(KeyError) as caught, way() as mock:  # noqa: PT012 - the error comes last
        mock.arm("overloaded")
        mock.arm("overloaded")
        raise KeyError(post(mock, top_n=0).status_code)
    assert caught.value.args == (503,)
    if sys.version_info >= (3, 11):
        (note,) = caught.value.__notes__
        assert note == (
            "call 1: POST /v1/rerank -> 503 overloaded\n"
            "  breach  top_n_below_one: `top_n` is less than 1."
            " `top_n` is 0: leave it out to get all documents"
        )


@WAYS
def test_a_mistake_that_does_not_fail_is_a_warning_at_the_line_of_the_test(way: Way) -> None:
    mistake = "the client made a mistake: unknown_field"
    with pytest.warns(AdviceWarning, match=mistake) as within, way() as mock:
        post(mock, top_k=1)
    with pytest.warns(AdviceWarning, match=mistake) as decorated:
        way()(lambda mock: post(mock, top_k=1))()
    lines = [linecache.getline(w.filename, w.lineno) for (w,) in (within, decorated)]
    assert "post(mock, top_k=1)" in lines[0] or "way() as mock" in lines[0]
    assert "way()(lambda" in lines[1]


@WAYS
@pytest.mark.parametrize("options", [{"fail_on": "nothing"}, {"allow": ["unknown_field"]}], ids=str)
def test_no_warning_is_given_where_none_is_wanted(way: Way, options: dict[str, Any]) -> None:
    with way(**options) as mock:
        post(mock, top_k=1)


@WAYS
def test_the_client_must_call_the_mock_if_that_is_asserted(way: Way) -> None:
    unreached = "request reached the mock"
    with pytest.raises(AssertionError, match=unreached), way(assert_called=True):
        pass
    with way(assert_called=True) as mock:
        post(mock)
    with way():
        pass


@WAYS
def test_the_environment_is_set_within(way: Way) -> None:
    with way() as mock:
        mock.set_environment(base_url="URL_OF_A_TEST", api_key="KEY_OF_A_TEST")
        assert (os.environ["URL_OF_A_TEST"], os.environ["KEY_OF_A_TEST"]) == (
            mock.base_url,
            mock.api_key,
        )
    assert not {"URL_OF_A_TEST", "KEY_OF_A_TEST"} & os.environ.keys()
