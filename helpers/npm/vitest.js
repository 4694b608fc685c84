import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { hooksFor } from "./hooks.js";

export const useRerankMock = (options) => hooksFor({ beforeAll, beforeEach, afterEach, afterAll }, options);
