"""The way to a target: certificates of an own authority, and proxies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract_tests.exchanges import Answer, Request
from contract_tests.targets import HttpTarget, UnreachableError
from contract_tests.transport import Route, proxy_for
from tests.contract_tests.conftest import KEY
from tests.contract_tests.secured import certify, needs_openssl, serving


def ask(route: Route, base_url: str) -> Answer:
    with route.open(base_url) as client:
        return HttpTarget(client, base_url, KEY).send(Request({}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with serving(certify(folder)) as base_url:
        yield base_url


@needs_openssl
def test_a_certificate_of_an_unknown_authority_is_refused_and_said_what_to_try(server: str) -> None:
    with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        ask(Route(), server)
    assert "--ca-file" in caught.value.to_try


@needs_openssl
def test_an_own_authority_is_trusted_where_it_is_named(
    server: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(Route(ca_file=folder / "ca.pem"), server).status == 200
    assert ask(Route(insecure=True), server).status == 200
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    assert ask(Route(), server).status == 200


@needs_openssl
def test_an_own_authority_does_not_vouch_for_another_host(server: str, folder: Path) -> None:
    with pytest.raises(UnreachableError, match="mismatch"):
        ask(Route(ca_file=folder / "ca.pem"), server.replace("127.0.0.1", "localhost"))


def test_tls_that_is_not_spoken_is_told() -> None:
    with serving() as base_url, pytest.raises(UnreachableError) as caught:
        ask(Route(), base_url.replace("http:", "https:"))
    assert "is it http://" in caught.value.to_try


def test_a_proxy_gets_the_whole_address_and_its_own_password() -> None:
    with serving() as proxy:
        route = Route(proxy=proxy.replace("//", "//me:secret@"))
        answer = ask(route, "http://target.invalid/v1")
    path, *_, password = answer.text.split()
    assert (path, password) == ("http://target.invalid/v1/rerank", "bWU6c2VjcmV0")


def test_a_proxy_that_refuses_is_told() -> None:
    with serving() as proxy, pytest.raises(UnreachableError, match="407") as caught:
        ask(Route(proxy=proxy), "https://target.invalid/v1")
    assert "--proxy" in caught.value.to_try


def test_a_proxy_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(UnreachableError, match=r"by way of http://127\.0\.0\.1:9") as caught:
        ask(Route(proxy="http://me:secret@127.0.0.1:9"), "http://target.invalid/v1")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "named", "proxy"),
    [
        ("https://target.example/v1", None, "http://secure.example"),
        ("http://target.example/v1", None, "http://plain.example:80"),
        ("http://target.example/v1", "http://named.example", "http://named.example"),
        ("http://left-out.example/v1", None, None),
        ("http://127.0.0.1:80/v1", "http://named.example", None),
        ("http://[::1]:80/v1", None, None),
        ("http://localhost/v1", None, None),
        ("http://app.localhost/v1", None, None),
    ],
)
def test_the_proxy_is_the_named_one_or_that_of_the_environment(
    base_url: str, named: str | None, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("https_proxy", "http://secure.example")
    monkeypatch.setenv("http_proxy", "plain.example:80")
    monkeypatch.setenv("no_proxy", "left-out.example")
    assert proxy_for(base_url, named) == proxy
