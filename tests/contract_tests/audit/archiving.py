"""Archives made by hand, and audits of them in this process."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from contract_tests.contract import AnyJson
from tests.contract_tests.exchanging import ANSWER, BODY, HEADERS

URL = "https://api.example/v1/rerank"
SENT = {"content-type": "application/json", "authorization": "Bearer sk-of-these-tests"}


def pairs(headers: Mapping[str, str]) -> list[AnyJson]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def entry(
    body: AnyJson = BODY,
    answer: AnyJson = ANSWER,
    status: int = 200,
    *,
    url: str = URL,
    method: str = "POST",
    sent: Mapping[str, str] = SENT,
    received: Mapping[str, str] = HEADERS,
    at: str = "2026-11-01T12:00:00.000Z",
    number: int = 0,
) -> dict[str, Any]:
    """An entry as a browser writes it; ids follow the number."""
    if number and isinstance(answer, dict):
        answer = cast("AnyJson", {**answer, "id": f"0190a5b0c0de7abc8def{number:012}"})
        received = {**received, "x-siliconcloud-trace-id": f"ti_{number}"}
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return {
        "_initiator": {"type": "script"},
        "startedDateTime": at,
        "time": 12.5,
        "request": {
            "method": method,
            "url": url,
            "httpVersion": "http/2.0",
            "headers": pairs(sent),
            "queryString": [],
            "cookies": [],
            "headersSize": -1,
            "bodySize": 100,
            "postData": {
                "mimeType": "application/json",
                "text": body if isinstance(body, str) else json.dumps(body),
            },
        },
        "response": {
            "status": status,
            "statusText": "",
            "httpVersion": "http/2.0",
            "headers": pairs(received),
            "cookies": [],
            "content": {"size": len(text.encode()), "mimeType": "application/json", "text": text},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 12, "receive": 0.5},
    }


def archive(entries: Sequence[AnyJson]) -> AnyJson:
    creator = {"name": "WebInspector", "version": "537.36"}
    return {"log": {"version": "1.2", "creator": creator, "pages": [], "entries": list(entries)}}


def written(folder: Path, *entries: AnyJson, name: str = "run.har") -> Path:
    """Write an archive of the entries."""
    path = folder / name
    path.write_text(json.dumps(archive(entries)), "utf-8")
    return path
