"""What remains different between a server and the mock that imitates it, asked the same.

Both servers share no code with the mock, nor with each other.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from mockserver.testing.contexts import serve_rerank
from tests.contract_tests.conftest import KEY
from tests.contract_tests.diff.diffing import difference
from tests.contract_tests.exchanging import BGE
from tests.independent_server import IndependentServer
from tests.second_server.server import Server

GUIDE = Path(__file__).parents[3] / "docs" / "observing-and-imitating.md"
#: What the mock makes up, whatever it imitates.
MADE_UP = {
    "order",
    "relevance_score",
    "meta.tokens.input_tokens",
    "meta.billed_units.input_tokens",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "others"),
    [
        (lambda: IndependentServer(KEY), {"message", "meta.tokens.image_tokens"}),
        (lambda: Server([KEY]), {"header content-type"}),
    ],
    ids=["the first server", "the second server"],
)
def test_what_is_not_imitated_is_in_the_guide(
    start: Callable[[], IndependentServer | Server],
    others: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    behaviour = tmp_path / "behaviour.json"

    def recorded(name: str, base_url: str, key: str) -> Path:
        monkeypatch.setenv("SILICONFLOW_API_KEY", key)
        path = tmp_path / f"{name}.har"
        asked = [f"--target={base_url}", "--effort=smoke", f"--model={BGE}"]
        assert main(["check", *asked, f"--har={path}"]) == 0
        return path

    monkeypatch.setenv("SILICONFLOW_API_KEY", KEY)
    with start() as server:
        asked = [f"--target={server.base_url}", "--effort=standard", f"--output={behaviour}"]
        assert main(["observe", *asked]) == 0
        of_server = recorded("server", server.base_url, KEY)
    with serve_rerank(behaviour=str(behaviour), fail_on="nothing") as mock:
        of_mock = recorded("mock", mock.base_url, mock.api_key)
    capsys.readouterr()
    content, code = difference(of_server, of_mock, capsys)
    assert code == 0
    assert content["compared"] > 50
    places = {row["place"] for row in content["changes"]}
    assert places == MADE_UP | others
    guide = GUIDE.read_text("utf-8")
    assert [place for place in places if f"`{place}`" not in guide] == []
