"""The chain: observe a server, imitate it, judge both, and see what the next observation says.

The server is the second one of these tests, which shares no code with the mock.
"""

from pathlib import Path

import pytest

from contract_tests.__main__ import main
from mockserver.testing.contexts import serve_rerank
from tests.contract_tests.conftest import KEY
from tests.contract_tests.diff.diffing import difference, shown
from tests.contract_tests.judged import judge_here
from tests.second_server.server import Server

#: What the mock has no switch for: the second server ranks with a model that is offline today.
UNLIKE = ("offline_model", "another answer with status 200", "disabled", "breaks_clients")
#: The second server counts other tokens than the mock makes up.
TOKENS = "tokens of a request (mean)"


def observed(base_url: str, path: Path) -> Path:
    assert main(["observe", f"--target={base_url}", "--effort=standard", f"--output={path}"]) == 0
    return path


def judged(base_url: str, folder: Path) -> Path:
    folder.mkdir()
    run = judge_here(folder, f"--target={base_url}", "--effort=smoke")
    assert run.verdict == "conforms"
    return folder / "report.json"


@pytest.mark.slow
def test_a_server_and_the_mock_that_imitates_it_get_the_same_report_until_the_server_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SILICONFLOW_API_KEY", KEY)
    with Server([KEY], None, ["document-null"]) as server:
        before = observed(server.base_url, tmp_path / "before.json")
        report = judged(server.base_url, tmp_path / "server")

    with serve_rerank(behaviour=str(before), fail_on="nothing") as mock:
        monkeypatch.setenv("SILICONFLOW_API_KEY", mock.api_key)
        imitated = observed(mock.base_url, tmp_path / "imitated.json")
        report_of_mock = judged(mock.base_url, tmp_path / "mock")
    capsys.readouterr()

    content, _ = difference(before, imitated, capsys)
    assert shown(content) == [UNLIKE]
    assert content["compared"] > 20
    content, code = difference(report, report_of_mock, capsys)
    assert ([row["place"] for row in content["changes"]], code) == ([TOKENS], 0)
    assert content["compared"] > 80

    monkeypatch.setenv("SILICONFLOW_API_KEY", KEY)
    with Server(
        [KEY], None, ["document-null", "unsupported-field-refused", "denied-object"]
    ) as server:
        after = observed(server.base_url, tmp_path / "after.json")
    capsys.readouterr()
    content, code = difference(before, after, capsys)
    assert shown(content) == [
        ("gated_fields", "ignore", "refuse", "breaks_clients"),
        ("invalid_key", "string", "object", "visible"),
    ]
    assert (content["uncompared"], code) == ([], 1)
