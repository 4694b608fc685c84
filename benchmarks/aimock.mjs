// Serves aimock with one fixture.
import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ port: Number(process.argv[2]), host: "127.0.0.1", logLevel: "silent" });
mock.onRerank(/./, [0, 1, 2, 3].map((index) => ({ index, relevance_score: 1 - index / 10 })));
await mock.start();
