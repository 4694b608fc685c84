"""Which published clients work with a conforming server of another house."""

from collections.abc import Iterator

import pytest

from contract_tests.interop.clients import CLIENTS, Client
from contract_tests.interop.running import Session
from contract_tests.interop.tasks import Outcome
from contract_tests.targets import HttpTarget
from contract_tests.transport import Route
from tests.independent_server import IndependentServer

from .clients import INSTALLED

pytestmark = pytest.mark.clients

KEY = "sk-independent-5f3a1c"


@pytest.fixture
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """Open a session at a server with the freedoms of the parameter."""
    with IndependentServer(KEY, **request.param) as server, Route().open(server.base_url) as http:
        target = HttpTarget(http, server.base_url, KEY)
        yield Session(target, "BAAI/bge-reranker-v2-m3", KEY, 60, INSTALLED)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
@pytest.mark.parametrize("session", [{}], indirect=True)
def test_every_client_works(client: Client, session: Session) -> None:
    own, skipped = session.ask_all()
    assert skipped == {}
    row = session.row(client, own, skipped)
    said = {task: found.says for task, found in row.found.items()}
    assert {found.outcome for found in row.found.values()} <= {
        Outcome.WORKS,
        Outcome.NOT_APPLICABLE,
    }, said


@pytest.mark.parametrize("session", [{"meta": False}], indirect=True)
def test_a_client_that_needs_what_is_optional_fails(session: Session) -> None:
    own, skipped = session.ask_all()
    found = session.row(CLIENTS[-1], own, skipped).found
    assert found["ranking"].outcome is Outcome.FAILS
    assert "Invalid JSON response" in found["ranking"].says
