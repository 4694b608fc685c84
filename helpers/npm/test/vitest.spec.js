import { expect, test } from "vitest";
import { useRerankMock } from "rerank-contract-mock/vitest";
import { COMMAND, rerank } from "./asking.js";

const mock = useRerankMock({ command: COMMAND });

test("a client is answered", async () => {
  const { body } = await rerank(mock, { top_n: 1 });
  expect(body.results).toHaveLength(1);
  await mock.verify({ top_n: 1 });
});

test("a client that retries gets through", async () => {
  await mock.arm("overloaded_then_success");
  expect((await rerank(mock)).status).toBe(200);
});

test.fails("a breach fails the test", async () => {
  await rerank(mock, { top_n: 0 });
  await mock.check();
});
