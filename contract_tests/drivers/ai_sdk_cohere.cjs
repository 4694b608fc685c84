// Drives `rerank` of ai with @ai-sdk/cohere, which adds `/rerank` to its base URL.

const { createCohere } = require("@ai-sdk/cohere");
const { rerank } = require("ai");

const { allow, answer } = require("./speaking.cjs");

answer(async (task) => {
  allow(task, "top_n");
  const cohere = createCohere({
    baseURL: task.baseUrl,
    apiKey: task.apiKey,
    headers: task.headers,
  });
  const { ranking } = await rerank({
    model: cohere.reranking(task.model),
    query: task.query,
    documents: task.documents,
    topN: task.options.top_n,
    abortSignal: AbortSignal.timeout(task.timeout * 1000),
  });
  return {
    ranking: ranking.map((result) => result.originalIndex),
    scores: ranking.map((result) => result.score),
    texts: ranking.map((result) => result.document),
  };
});
