"""Clients that generators make of the OpenAPI document work against the mock."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mockserver import RerankMock
from tools.openapi import TARGET

#: `make toolchains` installs the generators there.
BIN = Path(__file__).parents[2] / ".venv-generators" / "bin"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (BIN.parent / "installed").exists(),
        reason="the generators of clients are not installed: run `make toolchains`",
    ),
]

#: Uses the client of openapi-python-client.
CLIENT = """
import json, os
from client import AuthenticatedClient
from client.api.default import list_models, rerank
from client.models import ClassicRerankRequest, Content, MultimodalRerankRequest

client = AuthenticatedClient(os.environ["BASE_URL"], token=os.environ["API_KEY"])
elsewhere = AuthenticatedClient(os.environ["BASE_URL"] + "/v1", token=os.environ["API_KEY"])
classic = ClassicRerankRequest(
    "Qwen/Qwen3-Reranker-0.6B", "apple", ["brick", "apple"], top_n=1, return_documents=True
)
with_image = MultimodalRerankRequest(
    "Qwen/Qwen3-VL-Reranker-8B", "apple", ["brick", Content(image="https://example.org/apple.png")]
)
without_model = ClassicRerankRequest("no/such-model", "apple", ["brick"])
(best,) = (answer := rerank.sync(client=client, body=classic)).results
print(json.dumps({
    "best": [best.index, best.relevance_score > 0.5, best.document.text],
    "input_tokens": answer.meta.tokens.input_tokens,
    "of_images": len(rerank.sync(client=client, body=with_image).results),
    "refusal": rerank.sync(client=client, body=without_model).code,
    "elsewhere": rerank.sync(client=elsewhere, body=classic),
    "models": len(list_models.sync(client=client).data),
}))
"""

#: Uses the types of datamodel-code-generator, and what httpx sends and receives.
TYPES = """
import json, os
import httpx, pydantic
from models import ClassicRerankRequest, ErrorBody, RerankRequest, RerankResponse

def post(**fields):
    body = ClassicRerankRequest(model="BAAI/bge-reranker-v2-m3", query="apple", **fields)
    content = body.model_dump_json(exclude_unset=True)
    headers = {"Authorization": f"Bearer {os.environ['API_KEY']}"}
    return httpx.post(f"{os.environ['BASE_URL']}/rerank", content=content, headers={
        **headers, "Content-Type": "application/json"
    })

answer = RerankResponse.model_validate_json(post(documents=["brick", "apple"]).content)
refusal = ErrorBody.model_validate_json(post(documents="x" * 20_000_000).content).root
wrong = []
for field, value in {"top_n": 0, "overlap_tokens": 81, "query": "", "documents": 1}.items():
    valid = {"model": "a/b", "query": "x", "documents": ["x"]}
    try:
        RerankRequest.model_validate({**valid, field: value})
    except pydantic.ValidationError:
        wrong.append(field)
print(json.dumps({
    "order": [result.index for result in answer.results],
    "input_tokens": answer.meta.tokens.input_tokens,
    "refusal": bool(refusal.message),
    "wrong": wrong,
}))
"""


def generate(folder: Path, *words: str) -> None:
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "Unable to" not in done.stdout


def run(folder: Path, program: str, server: RerankMock) -> Any:  # noqa: ANN401 - JSON
    done = subprocess.run(
        [BIN / "python", "-c", program],
        cwd=folder,
        env={**os.environ, "BASE_URL": server.base_url, "API_KEY": server.api_key},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.rerank_mock(fail_on="nothing")
def test_a_client_of_openapi_python_client_sends_both_forms_and_reads_answers(
    tmp_path: Path, rerank_server: RerankMock
) -> None:
    generator = (str(BIN / "openapi-python-client"), "generate", "--meta", "none")
    generate(tmp_path, *generator, "--path", str(TARGET), "--output-path", "client")
    told = run(tmp_path, CLIENT, rerank_server)
    assert told["best"] == [1, True, "apple"]
    assert told["input_tokens"] > 0
    assert (told["of_images"], told["refusal"]) == (2, 20012)
    assert told["elsewhere"] == "404 page not found"
    assert told["models"] > 1
    sent = [
        json.loads(call.request.body).keys() for call in rerank_server.calls if call.request.body
    ]
    assert sent[0] == {"model", "query", "documents", "top_n", "return_documents"}
    assert sent[1] == sent[2] == {"model", "query", "documents"}


@pytest.mark.rerank_mock(fail_on="nothing")
def test_the_types_of_datamodel_code_generator_hold_answers_and_refuse_wrong_requests(
    tmp_path: Path, rerank_server: RerankMock
) -> None:
    generator = (str(BIN / "datamodel-codegen"), "--input-file-type", "openapi")
    output = ("--output", "models.py", "--output-model-type", "pydantic_v2.BaseModel")
    generate(tmp_path, *generator, "--input", str(TARGET), *output)
    told = run(tmp_path, TYPES, rerank_server)
    assert told["order"] == [1, 0]
    assert told["input_tokens"] > 0
    assert told["refusal"]
    assert told["wrong"] == ["top_n", "overlap_tokens", "query", "documents"]
