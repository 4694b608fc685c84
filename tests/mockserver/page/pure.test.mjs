// What the page computes, without a browser. Started by test_files.py.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

import { asCurl, asTest, python, quote } from "../../../mockserver/page/copying.js";
import {
  bytes, counted, describe, duration, milliseconds, moment, money, pieces, pretty, sum,
} from "../../../mockserver/page/text.js";

const FOLDER = new URL("../../../mockserver/page/", import.meta.url);

const ENTRY = {
  number: 7, account: "account-1", method: "POST", path: "/v1/rerank", query: "",
  headers: { host: "127.0.0.1:8787", authorization: "[redacted]", "content-type": "application/json", accept: "*/*" },
  body: '{"top_n": 1.0, "query": "it\'s", "return_documents": true}', body_bytes: 56,
  status: 200, outcome: "answered", response_body: "{}", advice: [],
};

test("every file is a module", () => {
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith(".js"))) {
    new vm.SourceTextModule(readFileSync(new URL(name, FOLDER), "utf8"), { identifier: name });
  }
});

test("hidden characters have names", () => {
  assert.deepEqual(pieces("a\u202eb"), [{ text: "a" }, { hidden: "U+202E" }, { text: "b" }]);
  assert.deepEqual(pieces("\u0000\u{e0041}\ud800"), [{ hidden: "U+0000" }, { hidden: "U+E0041" }, { hidden: "U+D800" }]);
  assert.deepEqual(pieces("a\n\tb"), [{ text: "a" }, { hidden: "U+000A" }, { hidden: "U+0009" }, { text: "b" }]);
  assert.deepEqual(pieces("a\n\tb\r", { lines: true }), [{ text: "a\n\tb" }, { hidden: "U+000D" }]);
  assert.deepEqual(pieces("苹果 שלום 🍎"), [{ text: "苹果 שלום 🍎" }]);
  assert.deepEqual(pieces(""), []);
});

test("money is exact", () => {
  assert.equal(money("100.00"), "¥100.00");
  assert.equal(money("999999999999999.00"), "¥999,999,999,999,999.00");
  assert.equal(money("-0.0000010"), "−¥0.000001");
  assert.equal(money("5"), "¥5.00");
  assert.equal(sum("0.1", "0.20"), "0.30");
  assert.equal(sum("999999999999999.00000000000000000001", "1"), "1000000000000000.00000000000000000001");
  assert.equal(sum("-1.5", "1"), "-0.5");
  assert.equal(sum("0.00", "-0.01"), "-0.01");
});

test("figures are short", () => {
  assert.equal(counted(1, "byte"), "1 byte");
  assert.equal(counted(1200, "byte"), "1,200 bytes");
  assert.equal(milliseconds(0.34), "0.3");
  assert.equal(milliseconds(1234.5), "1,235");
  assert.equal(duration(0), "0 s");
  assert.equal(duration(0.2), "1 s");
  assert.equal(duration(3661), "1 h 1 min");
  assert.equal(duration(86400), "1 d");
  assert.deepEqual(moment(1.5), { date: "1970-01-01", time: "00:00:01", precise: "00:00:01.500" });
  assert.equal(bytes("é🍎"), 6);
});

test("JSON is written in lines, and no number is rounded", () => {
  assert.equal(pretty('{"a":[1.0,1e400,12345678901234567890],"b":{},"c":[ ],"d":"]\\""}'),
    '{\n  "a": [\n    1.0,\n    1e400,\n    12345678901234567890\n  ],\n  "b": {},\n  "c": [],\n  "d": "]\\""\n}');
  assert.equal(pretty("3"), "3");
  for (const text of ["", "{", "{a: 1}", "[1,]", "'a'"]) assert.equal(pretty(text), null);
});

test("a step is said in words", () => {
  assert.equal(describe({}), "answered as usual");
  assert.equal(describe({ error: "overloaded", share: 0.3, times: null }), "overloaded, for 30 % of the requests");
  assert.equal(describe({ body: "", status: 502, delay: 5 }), "status 502, an empty body, after 5 s");
  assert.equal(describe({ close: "before_answer" }), "connection before answer");
  assert.equal(describe({ headers: { a: "b" } }), "other headers");
});

test("a word of a shell is that word again", () => {
  for (const text of [
    "plain", "it's", "two words", "", "$HOME `id` \\ \"", "a\nb", "\u202e'\\x41\u001b[31m", "苹果\u200b", "!x", "-n", "\u0085\u2028é",
  ]) {
    const said = execFileSync("bash", ["-c", `printf %s ${quote(text)}`], { encoding: "utf8" });
    assert.equal(said, text);
    assert.doesNotMatch(quote(text), /[\p{Cc}\p{Cf}\u2028]/u);
  }
});

test("a command has no key, and names the one to use", () => {
  assert.equal(asCurl(ENTRY, "http://127.0.0.1:8787"), [
    "curl -sS http://127.0.0.1:8787/v1/rerank",
    `-H 'authorization: Bearer '"\${RERANK_API_KEY:-sk-mock}"`,
    "-H 'content-type: application/json'",
    `--data-raw '{"top_n": 1.0, "query": "it'\\''s", "return_documents": true}'`,
  ].join(" \\\n  "));
  assert.match(asCurl({ ...ENTRY, headers: {} }, "http://m"), /-H 'content-type:'/);
  const refused = asCurl({ ...ENTRY, account: null }, "http://m");
  assert.match(refused, /'authorization: Bearer 'sk-unknown/);
});

test("a command says the method only where it is not that of curl", () => {
  const get = { ...ENTRY, method: "GET", path: "/v1/a b/é?[", query: "x=1", headers: {}, body: "" };
  assert.equal(asCurl(get, "http://m"), "curl -sS 'http://m/v1/a%20b/%C3%A9%3F%5B?x=1'");
  assert.match(asCurl({ ...get, query: "x={1}" }, "http://m"), /^curl --globoff -sS /);
  assert.match(asCurl({ ...get, method: "PUT" }, "http://m"), / -X PUT$|-X PUT/);
  assert.match(asCurl({ ...get, method: "HEAD" }, "http://m"), /--head/);
  assert.match(asCurl({ ...get, method: "POST" }, "http://m"), /-X POST/);
});

test("a test has the body as Python, its numbers as they were sent", () => {
  assert.equal(asTest(ENTRY), `import httpx


def test_exchange_7(rerank_mock):
    # Call your client here instead.
    answer = httpx.request(
        "POST",
        rerank_mock.base_url + "/rerank",
        headers={
            "authorization": "Bearer " + rerank_mock.api_key,
        },
        json={
            "top_n": 1.0,
            "query": "it's",
            "return_documents": True
        },
    )
    assert answer.status_code == 200
    assert rerank_mock.calls[-1].outcome == "answered"
`);
});

test("a test arms what the mock did not do by itself", () => {
  const arms = (changes) => /arm\((.*)\)/.exec(asTest({ ...ENTRY, ...changes }))?.[1];
  assert.equal(arms({ status: 503, outcome: "overloaded" }), '"overloaded"');
  assert.equal(arms({ status: 502, outcome: "status_502", response_body: "<b>" }), '{"status": 502, "body": "<b>"}');
  assert.equal(arms({ status: 400, outcome: "parameter_rule" }), undefined);
  assert.equal(arms({ status: 401, outcome: "key_invalid", account: null }), undefined);
});

test("a text of Python shows what is hidden", () => {
  assert.equal(python("\u202e\u{e0041}\u0000é"), '"\\u202E\\U000E0041\\u0000é"');
});
