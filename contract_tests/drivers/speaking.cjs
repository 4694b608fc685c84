// What every driver of an npm client says and hears: the protocol of `rerank-contract client`.
// CommonJS, as NODE_PATH, which names the folder of the packages, counts for `require` alone.

class NotApplicableError extends Error {}

/** Refuse a task with an option that the library cannot send. */
function allow(task, ...sendable) {
  for (const name of Object.keys(task.options)) {
    if (!sendable.includes(name)) throw new NotApplicableError(`no way to send ${name}`);
  }
}

/** Return an error as its user meets it; after several tries the last one has the status. */
function told(error) {
  return { message: String(error), status: error.statusCode ?? error.lastError?.statusCode };
}

/** Read a task, let `rank` do it, and print what came of it as one line of JSON. */
async function answer(rank) {
  let text = "";
  for await (const piece of process.stdin.setEncoding("utf8")) text += piece;
  const { RERANK_BASE_URL: baseUrl, RERANK_API_KEY: apiKey, RERANK_HEADERS } = process.env;
  const headers = JSON.parse(RERANK_HEADERS ?? "{}");
  let said;
  try {
    said = await rank({ ...JSON.parse(text), baseUrl, apiKey, headers });
  } catch (error) {
    const applies = !(error instanceof NotApplicableError);
    said = applies ? { error: told(error) } : { not_applicable: error.message };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`, () => process.exit());
}

module.exports = { allow, answer };
