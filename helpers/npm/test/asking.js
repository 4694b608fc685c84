/** The client that the tests of this package test. */
export async function rerank({ baseUrl, apiKey }, more = {}, tries = 3) {
  const answer = await fetch(`${baseUrl}/rerank`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "BAAI/bge-reranker-v2-m3", query: "apple", documents: ["pear", "apple"], ...more }),
  });
  if (answer.status === 503 && tries > 1) return rerank({ baseUrl, apiKey }, more, tries - 1);
  return { status: answer.status, body: await answer.json() };
}

export const COMMAND = process.env.RERANK_MOCK_COMMAND ? JSON.parse(process.env.RERANK_MOCK_COMMAND) : ["rerank-mock"];
