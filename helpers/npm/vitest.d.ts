import type { Account, Options } from "./index.js";

/** Start a mock for this file, and open an account for each test; what it returns is that account. */
export function useRerankMock(options?: Options): Account;
