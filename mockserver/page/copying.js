// An exchange as a command or as a test. Pure functions, without a page.

import { escaped, hasHidden, pretty } from "./text.js";

/** Headers that a client adds by itself. */
const OF_CLIENTS = new Set([
  "accept", "accept-encoding", "accept-language", "connection", "content-length", "host",
  "keep-alive", "transfer-encoding", "upgrade", "user-agent",
]);

/** What the journal shows instead of a key. */
const REDACTED = "[redacted]";

/** The key of the environment, or the one that the mock has by default. */
const KEY = '"${RERANK_API_KEY:-sk-mock}"';
const UNKNOWN = "sk-unknown";

/** Return a command that sends the request of an entry again. */
export function asCurl(entry, origin) {
  const url = `${origin}${encodePath(entry.path)}${entry.query && `?${entry.query}`}`;
  const words = [`curl -sS ${quote(url)}`];
  if (/[[\]{}]/.test(url)) words[0] = words[0].replace("curl", "curl --globoff");
  const usual = entry.body ? "POST" : "GET";
  if (entry.method !== usual) words.push(entry.method === "HEAD" ? "--head" : `-X ${quote(entry.method)}`);
  for (const [name, value] of headersOf(entry)) {
    const secret = entry.account === null ? UNKNOWN : KEY;
    const [before, ...after] = `${name}: ${value}`.split(REDACTED);
    words.push(`-H ${[quote(before), ...after.map((text) => secret + (text && quote(text)))].join("")}`);
  }
  // Without one, curl says that the body is a form.
  if (entry.body && !("content-type" in entry.headers)) words.push("-H 'content-type:'");
  if (entry.body) words.push(`--data-raw ${quote(entry.body)}`);
  return words.join(" \\\n  ");
}

/** Return a test of pytest that sends the request of an entry to a mock that answers likewise. */
export function asTest(entry) {
  const breaches = entry.advice.some((advice) => advice.severity === "breach");
  const fault = faultOf(entry);
  const lines = ["import httpx", ...(breaches ? ["import pytest"] : []), "", ""];
  if (breaches) lines.push('@pytest.mark.rerank_mock(fail_on="nothing")');
  lines.push(`def test_exchange_${entry.number}(rerank_mock):`);
  if (fault) lines.push(`    rerank_mock.arm(${fault})`);
  lines.push(
    "    # Call your client here instead.",
    "    answer = httpx.request(",
    `        ${python(entry.method)},`,
    `        ${urlOf(entry)},`,
    ...argumentsOf(entry).map((argument) => `        ${argument},`),
    "    )",
    `    assert answer.status_code == ${entry.status}`,
    `    assert rerank_mock.calls[-1].outcome == ${python(entry.outcome)}`,
    "",
  );
  return lines.join("\n");
}

/** Return a word of a shell. What cannot be seen is escaped, so that nothing is pasted unseen. */
export function quote(text) {
  if (/^[\w./:=@%+,-]+$/.test(text)) return text;
  if (!hasHidden(text)) return `'${text.replaceAll("'", "'\\''")}'`;
  const inner = text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  return `$'${escaped(inner, (_, character) => (character === "\n" ? "\\n" : hexadecimal(character)))}'`;
}

function hexadecimal(character) {
  const bytes = [...new TextEncoder().encode(character)];
  return bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

/** Return a text as Python writes it. */
export function python(text) {
  return escaped(JSON.stringify(text), (hex) =>
    hex.length > 4 ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`);
}

function encodePath(path) {
  return path.toWellFormed().split("/").map((part) => encodeURIComponent(part)).join("/") || "/";
}

function headersOf(entry) {
  return Object.entries(entry.headers)
    .filter(([name]) => !OF_CLIENTS.has(name))
    .map(([name, value]) => [name, name === "authorization" && value === REDACTED ? `Bearer ${value}` : value]);
}

/** Return what the mock has to be armed with, if it did not refuse the request by itself. */
function faultOf(entry) {
  const isFault = [402, 403, 429].includes(entry.status) || entry.status >= 500;
  if (!isFault || entry.account === null) return null;
  if (!entry.outcome.startsWith("status_")) return python(entry.outcome);
  return `{"status": ${entry.status}, "body": ${python(entry.response_body)}}`;
}

function urlOf(entry) {
  const rest = encodePath(entry.path) + (entry.query && `?${entry.query}`);
  return rest.startsWith("/v1/")
    ? `rerank_mock.base_url + ${python(rest.slice(3))}`
    : `rerank_mock.base_url.removesuffix("/v1") + ${python(rest)}`;
}

function argumentsOf(entry) {
  const isJson = entry.headers["content-type"] === "application/json" && isPlain(entry.body);
  const headers = headersOf(entry)
    .filter(([name]) => !(isJson && name === "content-type"))
    .map(([name, value]) => `            ${python(name)}: ${pythonSecret(value, entry)},`);
  const found = headers.length ? [`headers={\n${headers.join("\n")}\n        }`] : [];
  if (isJson) {
    const value = pretty(entry.body, { indent: "    ", begin: "        ", write: pythonValue });
    found.push(`json=${value}`);
  } else if (entry.body) {
    found.push(`content=${python(entry.body)}`);
  }
  return found;
}

function pythonSecret(value, entry) {
  // httpx takes a text of ASCII only.
  if (/[^\x00-\x7f]/.test(value)) return `${python(value)}.encode("latin-1")`;
  if (!value.includes(REDACTED)) return python(value);
  if (entry.account === null) return python(value.replaceAll(REDACTED, UNKNOWN));
  const [before, ...after] = value.split(REDACTED).map(python);
  const key = after.map((text) => ` + rerank_mock.api_key${text === '""' ? "" : ` + ${text}`}`);
  return before + key.join("");
}

const CONSTANTS = { true: "True", false: "False", null: "None" };

function pythonValue(token) {
  return token.startsWith('"') ? python(JSON.parse(token)) : CONSTANTS[token] ?? token;
}

/** Return whether JSON says the same as a value: no name is twice in an object, no text is broken. */
function isPlain(text) {
  let names = 0;
  let whole = true;
  const look = (_, value) => {
    if (typeof value === "string") whole &&= value.isWellFormed();
    if (value && typeof value === "object" && !Array.isArray(value)) names += Object.keys(value).length;
    return value;
  };
  try {
    JSON.parse(text, look);
  } catch {
    return false;
  }
  const written = text.match(/"(?:[^"\\]|\\.)*"|:/g) ?? [];
  return whole && names === written.filter((token) => token === ":").length;
}
