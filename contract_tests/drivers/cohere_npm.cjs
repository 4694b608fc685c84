// Drives `CohereClient` of cohere-ai, which adds `/v1/rerank` to its base URL.

const { CohereClient } = require("cohere-ai");

const { allow, answer } = require("./speaking.cjs");

const NAMES = {
  top_n: "topN",
  return_documents: "returnDocuments",
  max_chunks_per_doc: "maxChunksPerDoc",
};

answer(async (task) => {
  allow(task, ...Object.keys(NAMES));
  const cohere = new CohereClient({
    token: task.apiKey,
    baseUrl: task.baseUrl.replace(/\/v1(?=\/?$)/, ""), // a slash at its end stays there
    timeoutInSeconds: task.timeout,
    headers: task.headers,
  });
  const { results } = await cohere.rerank({
    model: task.model,
    query: task.query,
    documents: task.documents,
    ...Object.fromEntries(
      Object.entries(task.options).map(([name, value]) => [NAMES[name], value]),
    ),
  });
  const texts = results.flatMap(({ document }) => (document ? [document.text] : []));
  return {
    ranking: results.map((result) => result.index),
    scores: results.map((result) => result.relevanceScore),
    ...(texts.length ? { texts } : {}),
  };
});
