// Runs the vectors: on the server at a URL, or without one on the answers that they hold.
//   node runner.mjs [http://127.0.0.1:8787/v1] [--revision 2026-07]
// The key is in $SILICONFLOW_API_KEY. Needs Node 18.3 or newer and nothing else.
import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const equal = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const length = (value) => (typeof value === "string" ? [...value].length : Infinity);
const TYPES = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: Number.isInteger,
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
};
// The keywords of JSON Schema that occur. Each holds of values of a type that it does not speak of.
const KEYWORDS = {
  type: (value, types) => [types].flat().some((type) => TYPES[type](value)),
  const: equal,
  enum: (value, values) => values.some((one) => equal(one, value)),
  minimum: (value, least) => typeof value !== "number" || value >= least,
  maximum: (value, most) => typeof value !== "number" || value <= most,
  exclusiveMaximum: (value, most) => typeof value !== "number" || value < most,
  minLength: (value, least) => length(value) >= least,
  pattern: (value, pattern) => typeof value !== "string" || new RegExp(pattern, "u").test(value),
  minItems: (value, least) => !Array.isArray(value) || value.length >= least,
  maxItems: (value, most) => !Array.isArray(value) || value.length <= most,
  items: (value, schema) => !Array.isArray(value) || value.every((one) => valid(schema, one)),
  contains: (value, schema) => !Array.isArray(value) || value.some((one) => valid(schema, one)),
  required: (value, names) => !isObject(value) || names.every((name) => Object.hasOwn(value, name)),
  properties: (value, schemas) => !isObject(value) ||
    Object.entries(schemas).every(([name, schema]) => !Object.hasOwn(value, name) || valid(schema, value[name])),
  allOf: (value, schemas) => schemas.every((schema) => valid(schema, value)),
  anyOf: (value, schemas) => schemas.some((schema) => valid(schema, value)),
  not: (value, schema) => !valid(schema, value),
  if: (value, schema, { then: yes = {}, else: no = {} }) => valid(valid(schema, value) ? yes : no, value),
  then: () => true,
  else: () => true,
};

function valid(schema, value) {
  return Object.entries(schema).every(([keyword, wanted]) => KEYWORDS[keyword](value, wanted, schema));
}

// What no JSON Schema can say.
const CHECKS = {
  scores_never_rise: ({ body }) =>
    body.results.every(({ relevance_score }, i, all) => i === 0 || relevance_score <= all[i - 1].relevance_score),
  indices_differ: ({ body }) => new Set(body.results.map(({ index }) => index)).size === body.results.length,
  indices_have_no_fraction: ({ text }) => !/"index"\s*:\s*-?[0-9]+[.eE]/.test(text),
  input_tokens_agree: ({ body }) => {
    const [tokens, billed] = [body?.meta?.tokens?.input_tokens, body?.meta?.billed_units?.input_tokens];
    return tokens !== undefined && tokens !== null && equal(tokens, billed);
  },
  key_is_hidden: ({ headers, text }, key) => !(text + JSON.stringify(headers)).includes(key),
};

/** An answer as the schemas see it, with its text. */
function seen(status, headers, text) {
  try {
    return { status, headers, body: JSON.parse(text), is_json: true, text };
  } catch {
    return { status, headers, body: text, is_json: false, text };
  }
}

/** What an answer to the request of a case breaks: requirement -> level. */
function broken({ conditions, rules }, { request, expect }, answer, key) {
  const isEndpoint = request.method === "POST" && request.path === "/v1/rerank";
  const rows = [...(isEndpoint ? rules : []), ...expect];
  const holds = (row) => (row.check ? CHECKS[row.check](answer, key) : valid(row.answer, answer));
  const wrong = rows.filter((row) => valid(conditions[row.when], answer) && !holds(row));
  return new Map(wrong.map(({ requirement, level }) => [requirement, level]));
}

/** Send the request of a case; a server that is busy is asked again. */
async function ask({ method, path, headers, body, text = JSON.stringify(body) }, url, key, tries = 3) {
  const other = [...key].map((c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())).join("");
  const keys = { "{key}": key, "{key_cut}": key.slice(0, -1), "{key_in_other_case}": other };
  const filled = Object.entries(headers).map(([name, value]) => [name, value.replace(/\{\w+\}/, (key) => keys[key])]);
  const content = method === "GET" ? undefined : new TextEncoder().encode(text); // a string would get a content type
  const answer = await fetch(url.replace(/\/v1\/?$/, "") + path, {
    method, headers: filled, body: content, redirect: "manual", signal: AbortSignal.timeout(60_000),
  }).catch(({ cause, message }) => { throw new Error(`no answer from ${url}: ${cause?.message ?? message}`); });
  if ([429, 503, 504].includes(answer.status) && tries > 1) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return ask({ method, path, headers, text }, url, key, tries - 1);
  }
  return seen(answer.status, Object.fromEntries(answer.headers), await answer.text());
}

async function main(url, revision, key) {
  const read = (name) => {
    const file = new URL(`${revision}/${name}.json`, import.meta.url);
    try { return JSON.parse(readFileSync(file, "utf8")); } catch (cause) { throw new Error(file.pathname, { cause }); }
  };
  const rules = read("rules");
  const found = new Map();
  let [judged, wrong] = [0, 0];
  for (const group of read("index").groups) {
    for (const test of read(group).cases) {
      for (const given of url ? [] : test.answers) {
        const answer = seen(given.status, given.headers, given.text ?? JSON.stringify(given.body));
        const violations = [...broken(rules, test, answer, "{key}").keys()].sort();
        judged += 1;
        if (!equal(violations, given.violations)) {
          wrong += 1;
          console.log(`${group}: ${test.description}: ${given.description}`);
          console.log(`  expected ${given.violations.join(", ") || "no violation"}, found ${violations.join(", ") || "none"}`);
        }
      }
      if (!url) continue;
      const answer = await ask(test.request, url, key);
      judged += 1;
      for (const [requirement, level] of broken(rules, test, answer, key)) {
        wrong += level === "spec";
        const line = `  ${test.description}: ${answer.status} ${answer.text.replaceAll(key, "{key}").slice(0, 100)}`;
        found.set(requirement, [...(found.get(requirement) ?? [level === "spec" ? "broken" : "differs"]), line]);
      }
      for (const [value, schema] of Object.entries(test.shows ?? {})) {
        if (valid(schema, answer)) found.set(test.requirement, [...(found.get(test.requirement) ?? ["open"]), `  ${test.description} ${value}`]);
      }
    }
  }
  for (const [requirement, [word, ...lines]] of found) console.log([`${word} ${requirement}`, ...lines].join("\n"));
  console.log(`${judged} answers judged, ${url ? `${wrong} violations of the contract` : `${wrong} otherwise than expected`}`);
  return wrong ? 1 : 0;
}

process.stdout.on("error", (error) => {
  if (error.code !== "EPIPE") console.error(`runner.mjs: the report cannot be written: ${error.message}`);
  process.exit(2);
});
try {
  const revisions = readdirSync(new URL(".", import.meta.url)).filter((name) => /^\d{4}-\d{2}$/.test(name)).sort();
  const options = { revision: { type: "string", default: revisions.at(-1) } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const key = process.env.SILICONFLOW_API_KEY || "sk-mock";
  if (positionals.length > 1 || !/^https?:\/\/./.test(positionals[0] ?? "http://x")) throw new Error("usage: node runner.mjs [URL] [--revision NAME]");
  if (!revisions.includes(values.revision)) throw new Error(`no revision ${values.revision}; there are ${revisions.join(", ")}`);
  if (!/^[!-~]+$/.test(key)) throw new Error("$SILICONFLOW_API_KEY has a character that no key has");
  process.exitCode = await main(positionals[0], values.revision, key);
} catch (error) {
  console.error(`runner.mjs: ${error.message}${error.cause ? `: ${error.cause.message}` : ""}`);
  process.exitCode = 2;
}
