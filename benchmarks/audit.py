"""Makes a large HTTP archive and audits it: `python -m benchmarks.audit [MEGABYTES]`.

Every tenth entry is a rerank request, the others are what a browser loads besides. Fails where the
audit takes more memory than it may.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contract_tests.__main__ import main

#: Most megabytes that the audit may take, whatever the length of the archive.
MOST = 200
MEGABYTE = 1024 * 1024
MODEL = "BAAI/bge-reranker-v2-m3"


def entry(number: int) -> dict[str, Any]:
    """An exchange, and no two are alike."""
    documents = [f"the fruit {number} of garden {place}" for place in range(20)]
    results = [{"index": i, "relevance_score": 0.9 - i / 100, "document": None} for i in range(20)]
    tokens = {"input_tokens": 120, "output_tokens": 0}
    answer = {
        "id": f"0190a5b0c0de7abc8def{number:012}",
        "results": results,
        "meta": {"tokens": tokens, "billed_units": tokens},
    }
    is_rerank = number % 10 == 0
    clock = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
    text = json.dumps(answer) if is_rerank else f'x = "\u4e2d\\n{number}";\n' * 1200
    sent = json.dumps({"model": MODEL, "query": f"fruit {number}", "documents": documents})
    kind = "application/json"
    return {
        "startedDateTime": f"2026-11-{1 + number // 86400:02}T{clock}Z",
        "time": 20,
        "request": {
            "method": "POST" if is_rerank else "GET",
            "url": f"https://api.example/{'v1/rerank' if is_rerank else f'{number}.js'}",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [
                {"name": "Authorization", "value": "Bearer sk-of-this-benchmark"},
                {"name": "Content-Type", "value": kind},
            ],
            "queryString": [],
            "headersSize": -1,
            "bodySize": len(sent) if is_rerank else 0,
            **({"postData": {"mimeType": kind, "text": sent}} if is_rerank else {}),
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [
                {"name": "Content-Type", "value": kind if is_rerank else "text/javascript"},
                {"name": "x-siliconcloud-trace-id", "value": f"ti_{number}"},
            ],
            "content": {"size": len(text.encode()), "mimeType": kind, "text": text},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 20, "receive": 0},
    }


def pieces(length: int) -> Iterator[str]:
    """The text of an archive that is a little longer than so many bytes."""
    creator = json.dumps({"name": "benchmark", "version": "1"})
    yield f'{{"log": {{"version": "1.2", "creator": {creator}, "entries": ['
    written, number = 0, 0
    while written < length:
        text = json.dumps(entry(number), ensure_ascii=False)
        yield f"{',' if number else ''}\n{text}"
        written, number = written + len(text.encode()), number + 1
    yield "\n]}}\n"


def peak() -> dict[str, int]:
    """The most megabytes that the audit and its mock took."""
    who = {"audit": resource.RUSAGE_SELF, "mock": resource.RUSAGE_CHILDREN}
    return {name: resource.getrusage(of).ru_maxrss // 1024 for name, of in who.items()}


def audit(megabytes: int) -> int:
    """Make an archive and audit it; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.har"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(pieces(megabytes * MEGABYTE))
        began = time.perf_counter()
        code = main(["audit", str(path)])
        seconds = time.perf_counter() - began
    most = peak()
    print(f"{megabytes} MB in {seconds:.0f} s, at most {most['audit']} MB, mock {most['mock']} MB")
    return code or int(max(most.values()) > MOST)


if __name__ == "__main__":
    sys.exit(audit(int(sys.argv[1]) if len(sys.argv) > 1 else 1024))
