"""A client without dependencies, driven as the published ones are; its arguments are its faults."""

import json
import math
import os
import sys
import urllib.error
import urllib.request
from operator import itemgetter

FAULTS = set(sys.argv[1:])

task = json.load(sys.stdin)
if "dies" in FAULTS:
    sys.exit(f"ImportError: no such library, and the key is {os.environ['RERANK_API_KEY']}")
if "tells" in FAULTS:
    secrets = {name: value for name, value in os.environ.items() if "KEY" in name}
    secrets |= json.loads(os.environ.get("RERANK_HEADERS", "{}"))
    print(json.dumps({"not_applicable": f"{secrets}"}))
    sys.exit()
body = {name: task[name] for name in ("model", "query", "documents")} | task["options"]
if "forgets top_n" in FAULTS:
    body.pop("top_n", None)
request = urllib.request.Request(
    os.environ["RERANK_BASE_URL"] + "/rerank",
    json.dumps(body).encode(),
    {
        "Authorization": f"Bearer {os.environ['RERANK_API_KEY']}",
        "Content-Type": "application/json",
    },
)
try:
    with urllib.request.urlopen(request) as answer:
        results = json.load(answer)["results"]
except urllib.error.HTTPError as error:
    if "swallows errors" in FAULTS:
        print(json.dumps({"ranking": []}))
    else:
        print(json.dumps({"error": {"message": str(error)}}))
    sys.exit()
if "sorts by index" in FAULTS:
    results.sort(key=itemgetter("index"))
if "needs meta" in FAULTS and not task["options"]:
    print(json.dumps({"error": {"message": "Invalid JSON response: meta is missing"}}))
    sys.exit()
scores = [result["relevance_score"] for result in results]
said = {
    "ranking": [result["index"] for result in results],
    "scores": [1 / (1 + math.exp(-score)) for score in scores] if "squashes" in FAULTS else scores,
}
if task["options"].get("return_documents"):
    said["texts"] = [result["document"]["text"] for result in results]
print(json.dumps(said))
