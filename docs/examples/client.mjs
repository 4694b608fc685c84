// A careful client of POST /v1/rerank for Node 18 and newer, without dependencies: a task on
// standard input, its answer on standard output.

import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

const TRIES = 4;
const PASSING = new Set([429, 500, 502, 503, 504]);

class RerankError extends Error {
  constructor(message, status = null) {
    super(message);
    this.status = status;
  }
}

async function post(url, apiKey, body, timeout) {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      // Covers the whole answer, including its body.
      signal: AbortSignal.timeout(timeout * 1000),
    });
    const wait = Number(answer.headers.get("retry-after"));
    return { status: answer.status, wait: wait > 0 ? wait : 0, body: await answer.text() };
  } catch (error) {
    if (error.name === "TimeoutError") throw new RerankError(`no answer within ${timeout} seconds`);
    throw new RerankError(`${url} cannot be reached: ${error.cause?.message ?? error.message}`);
  }
}

async function rerank(baseUrl, apiKey, body, timeout) {
  if (body.documents.length === 0) return [];
  const url = `${baseUrl.replace(/\/+$/, "")}/rerank`;
  for (let attempt = 0; ; attempt++) {
    const answer = await post(url, apiKey, body, timeout);
    if (answer.status === 200) return resultsOf(answer.body, body.documents.length);
    if (!PASSING.has(answer.status) || attempt === TRIES - 1) {
      throw new RerankError(messageOf(answer.body), answer.status);
    }
    // Without Retry-After: wait longer each time, and not in step with other clients.
    await sleep(1000 * (answer.wait || 0.2 * 2 ** attempt * (1 + Math.random() / 2)));
  }
}

function messageOf(text) {
  try {
    const body = JSON.parse(text);
    const message = typeof body === "string" ? body : body?.message;
    return typeof message === "string" ? message : text;
  } catch {
    return text;
  }
}

function resultsOf(text, count) {
  let ranked;
  try {
    ranked = JSON.parse(text).results.map((result) => [result.index, result.relevance_score]);
  } catch {
    throw new RerankError(`not an answer of this API: ${messageOf(text)}`);
  }
  if (!ranked.every(([index]) => Number.isInteger(index) && 0 <= index && index < count)) {
    throw new RerankError(`the answer has an index that no document has: ${text.slice(0, 200)}`);
  }
  if (new Set(ranked.map(([index]) => index)).size < ranked.length) {
    throw new RerankError(`the answer has two results for a document: ${text.slice(0, 200)}`);
  }
  if (!ranked.every(([, score]) => Number.isFinite(score))) {
    throw new RerankError(`the answer has a score that is no number: ${text.slice(0, 200)}`);
  }
  return ranked.sort((some, other) => other[1] - some[1]);
}

const { model, query, documents, options, timeout } = JSON.parse(await text(process.stdin));
const { RERANK_BASE_URL, RERANK_API_KEY } = process.env;
try {
  const ranked = await rerank(
    RERANK_BASE_URL,
    RERANK_API_KEY,
    { model, query, documents, ...options },
    timeout,
  );
  console.log(
    JSON.stringify({
      ranking: ranked.map(([index]) => index),
      scores: ranked.map(([, score]) => score),
      texts: ranked.map(([index]) => documents[index]),
    }),
  );
} catch (error) {
  if (!(error instanceof RerankError)) throw error;
  console.log(JSON.stringify({ error: { message: error.message, status: error.status } }));
}
