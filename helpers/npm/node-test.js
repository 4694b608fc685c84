import { after, afterEach, before, beforeEach } from "node:test";
import { hooksFor } from "./hooks.js";

export const useRerankMock = (options) =>
  hooksFor({ beforeAll: before, beforeEach, afterEach, afterAll: after }, options);
