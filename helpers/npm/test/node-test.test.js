import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { connectMock, startMock } from "rerank-contract-mock";
import { useRerankMock } from "rerank-contract-mock/node-test";
import { COMMAND, rerank } from "./asking.js";

describe("a mock for each file", () => {
  const mock = useRerankMock({ command: COMMAND });
  const keys = new Set();

  test("answers a client", async () => {
    keys.add(mock.apiKey);
    const { body } = await rerank(mock, { top_n: 1 });
    assert.equal(body.results.length, 1);
    await mock.verify({ top_n: 1 });
    await mock.verify(undefined, { assertion: "called_once" });
  });

  test("has an account for each test", async () => {
    keys.add(mock.apiKey);
    assert.equal(keys.size, 2);
    assert.deepEqual(await mock.calls(), []);
    await mock.verify(undefined, { assertion: "not_called" });
  });

  test("runs a scenario", async () => {
    const armed = await mock.arm("overloaded_then_success");
    assert.equal((await rerank(mock)).status, 200);
    assert.equal((await mock.receipt(armed)).met, true);
    assert.deepEqual((await mock.calls()).map(({ status }) => status), [503, 503, 200]);
  });

  test("takes pinned scores", async () => {
    await mock.pin({ pear: 0.9, apple: 0.1 });
    const { body } = await rerank(mock);
    assert.deepEqual(body.results.map(({ index }) => index), [0, 1]);
  });

  test("changes an account", async () => {
    await mock.change({ limits: { RPM: 0 } });
    assert.equal((await rerank(mock)).status, 429);
  });
});

describe("what fails a test", () => {
  let mock;
  before(async () => {
    mock = await startMock({ command: COMMAND });
  });
  const wrong = (options, act, message) => async () => {
    const account = await mock.openAccount();
    await act(account);
    await assert.rejects(() => account.check(options), message);
    await account.close();
  };

  test("a breach", wrong({}, (account) => rerank(account, { top_n: 0 }), /call \d+: POST .* breach /));
  test("a request without a valid key", wrong({}, (account) => rerank({ ...account, apiKey: "sk-wrong" }), /breach/));
  test("a mistake, if it is to", wrong({ failOn: "mistake" }, (account) => rerank(account, { top_k: 1 }), /`top_n`/));
  test("a scenario that is not met", wrong({}, (account) => account.arm("overloaded_then_success"), /not all of it was met/));

  test("nothing that is allowed", async () => {
    const account = await mock.openAccount();
    await rerank(account, { top_n: 0 });
    const [{ advice }] = await account.calls();
    await account.check({ allow: advice.map(({ id }) => id) });
    await account.check({ failOn: "nothing" });
  });

  test("a verification that does not hold", async () => {
    const account = await mock.openAccount();
    await rerank(account, { top_n: 2 });
    await assert.rejects(() => account.verify({ top_n: 1 }), /top_n: expected 1, got 2/);
  });

  test("a running mock is used, and left running", async () => {
    const same = await connectMock(mock.baseUrl);
    const account = await same.openAccount();
    await rerank(account);
    assert.equal((await account.calls()).length, 1);
    await same.stop();
    await connectMock(mock.baseUrl);
    await mock.stop();
    await assert.rejects(() => connectMock(mock.baseUrl), /no mock at/);
  });

  test("a command that does not exist", () => assert.rejects(() => startMock({ command: ["no-such-command"] }), /no-such-command/));
  test("a command that is not ready in time", () =>
    assert.rejects(() => startMock({ command: [process.execPath, "-e", "setTimeout(() => {}, 60_000)"], seconds: 0.1 }), /not ready within 0.1 s/));
  test("a wrong option", () => assert.rejects(() => startMock({ command: COMMAND, args: ["--seed", "x"] }), /--seed/));
});
