import { connectMock, startMock } from "./index.js";

/** The mock of a test file, with an account for each test, by the hooks of a test runner. */
export function hooksFor({ beforeAll, beforeEach, afterEach, afterAll }, options = {}) {
  const { url = process.env.RERANK_BASE_URL, token, account = {}, failOn, allow, assertAllMet, ...starting } = options;
  let mock;
  let current;
  beforeAll(async () => {
    mock = url ? await connectMock(url, { token }) : await startMock(starting);
  });
  beforeEach(async () => {
    current = await mock.openAccount(account);
  });
  afterEach(async () => {
    try {
      await current.check({ failOn, allow, assertAllMet });
    } finally {
      await current.close();
    }
  });
  afterAll(() => mock?.stop());
  // Tests read it after the hooks have run: each of its members is that of the current account.
  return new Proxy({}, {
    get(_, name) {
      if (!current) throw new Error("the mock is there from the first test on, not while the file is loaded");
      const value = current[name];
      return typeof value === "function" ? value.bind(current) : value;
    },
  });
}
