// Compiled and not run: what users of TypeScript write.
import { startMock, type Call, type Receipt } from "rerank-contract-mock";
import { useRerankMock } from "rerank-contract-mock/node-test";

const mock = useRerankMock({ failOn: "mistake", allow: ["top_k"], account: { limits: { RPM: 10 } }, args: ["--seed", "1"] });

export async function use(): Promise<number | null> {
  const receipt: Receipt = await mock.arm([429, { delay: 0.1 }, "overloaded"], { times: 2 });
  await mock.pin([{ order: ["apple"], query: "fruit" }]);
  await mock.verify({ top_n: 1 }, { assertion: "any_call" });
  // @ts-expect-error: no such assertion
  await mock.verify({ top_n: 1 }, { assertion: "called_often" });
  // @ts-expect-error: no such severity
  useRerankMock({ failOn: "error" });
  const calls: Call[] = await mock.calls();
  const other = await startMock();
  await (await other.openAccount({ name: "test" })).close();
  return receipt.met ? calls[0].status : null;
}
