"""What published clients do, compared with what is recorded of them."""

import json
import subprocess
from pathlib import Path

import pytest

from contract_tests.interop.clients import CLIENTS, Client
from mockserver.testing.fixtures import RerankMock

from .clients import environment, installed
from .records import SETTINGS, TASK, Setting, graded, recorded

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client_does_what_is_recorded_of_it(client: Client, tmp_path: Path) -> None:
    assert {**recorded()[client.name], **graded(client, tmp_path)} == recorded()[client.name]


# The mock advises on the wrong paths, which are what some settings lead to.
@pytest.mark.rerank_mock(allow=["path_of_a_neighbour", "path_with_v1_twice", "path_without_v1"])
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: f"{setting.driver}")
def test_a_setting_asks_where_it_is_recorded_to(
    setting: Setting, rerank_server: RerankMock
) -> None:
    client = Client(setting.client, "", setting.driver)
    host = rerank_server.base_url.removesuffix("/v1")
    done = subprocess.run(
        installed(client),
        input=json.dumps(TASK),
        env=environment(
            client,
            RERANK_BASE_URL=setting.base_url.replace("…", host),
            RERANK_API_KEY=rerank_server.api_key,
        ),
        capture_output=True,
        check=True,
        text=True,
    )
    seen = {(call.request.path, call.response.status) for call in rerank_server.calls}
    assert seen == {(setting.asks, setting.status)}
    said = json.loads(done.stdout)
    assert len(said["ranking"] if "error" not in said else []) == setting.results
