/** A remark of the mock about a request; README of rerank-contract, "Journal and advice". */
export interface Advice {
  id: string;
  severity: "breach" | "mistake" | "remark";
  sentence: string;
  hint: string;
}

/** An exchange, as the journal has it. */
export interface Call {
  number: number;
  at: number;
  /** null without a valid key. */
  account: string | null;
  method: string;
  path: string;
  query: string;
  headers: Record<string, string>;
  body: string;
  /** null where the connection was closed instead. */
  status: number | null;
  outcome: string;
  response_headers: Record<string, string>;
  response_body: string;
  model: string | null;
  documents: number;
  input_tokens: number;
  advice: Advice[];
  [member: string]: unknown;
}

/** What has become of a scenario that was armed. */
export interface Receipt {
  number: number;
  account: string;
  /** Whether every step was met. */
  met: boolean;
  scenario: { name?: string; [member: string]: unknown };
  steps: { taken: number; struck: number; met: "never" | "partly" | "fully" }[];
}

/** The name of a scenario or error, a status, a step, or a list of these. */
export type Scenario = string | number | { [member: string]: unknown } | Scenario[];

export interface Pin {
  scores?: Record<string, number>;
  order?: string[];
  query?: string;
  model?: string;
}

/** Members of an account, such as `balance` and `limits`; `docs/accounts-and-quotas.md` has all. */
export interface Terms {
  name?: string;
  keys?: string[];
  limits?: Record<string, number>;
  [member: string]: unknown;
}

export interface Checks {
  /** The lowest severity of advice that fails a test. Default: `breach`. */
  failOn?: Advice["severity"] | "nothing";
  /** Ids of advice that fails no test. */
  allow?: string[];
  /** Whether every armed scenario must be met. Default: true. */
  assertAllMet?: boolean;
}

export interface Starting {
  /** The command and its first arguments. Default: `["rerank-mock"]`. */
  command?: string[];
  /** More options of `rerank-mock serve`. */
  args?: string[];
  /** How long it may take to start. Default: 30. */
  seconds?: number;
}

export interface Options extends Checks, Starting {
  /** Base URL of a mock that runs already. Default: `$RERANK_BASE_URL`; without it a mock is started. */
  url?: string;
  /** What a mock that is not on loopback demands for `/__admin`. */
  token?: string;
  /** The account that is opened for each test. */
  account?: Terms;
}

export type Assertion = "called_with" | "any_call" | "called_once_with" | "called" | "called_once" | "not_called";

/** An account of the mock, as one test uses it. */
export interface Account {
  /** For the client: ends in `/v1`. */
  readonly baseUrl: string;
  /** For the client. */
  readonly apiKey: string;
  readonly name: string;
  arm(scenario: Scenario, options?: { times?: number }): Promise<Receipt>;
  receipt(receipt: Pick<Receipt, "number">): Promise<Receipt>;
  pin(pins: Record<string, number> | Pin[]): Promise<unknown>;
  change(terms: Terms): Promise<unknown>;
  calls(): Promise<Call[]>;
  verify(fields?: Record<string, unknown>, options?: { assertion?: Assertion }): Promise<void>;
  check(checks?: Checks): Promise<void>;
  close(): Promise<unknown>;
}

/** A running mock. */
export interface RerankMock {
  readonly baseUrl: string;
  readonly isOwn: boolean;
  admin(method: string, path: string, body?: unknown): Promise<any>;
  openAccount(terms?: Terms): Promise<Account>;
  stop(): Promise<void>;
}

export function startMock(options?: Starting): Promise<RerankMock>;
export function connectMock(baseUrl: string, options?: { token?: string }): Promise<RerankMock>;
