import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/** From the least severe advice to the most severe. */
const SEVERITIES = ["remark", "mistake", "breach"];

/** A running mock: one that was started here, or one that was running already. */
export class RerankMock {
  #child;
  #token;

  constructor(baseUrl, { token, child } = {}) {
    this.baseUrl = baseUrl.replace(/\/$/, "");
    this.#token = token;
    this.#child = child;
  }

  /** Whether it was started here, so that no other test file uses it. */
  get isOwn() {
    return this.#child !== undefined;
  }

  /** Make a call below `/__admin`, and return what it answers. */
  async admin(method, path, body) {
    const headers = { "content-type": "application/json" };
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    const url = `${this.baseUrl.replace(/\/v1$/, "")}/__admin${path}`;
    const answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /** Open an account with a key of its own: what a test does with it disturbs no other test. */
  async openAccount(terms = {}) {
    const { seen } = await this.admin("GET", "/journal?limit=1");
    const { account, key } = await this.admin("POST", "/accounts", terms);
    return new Account(this, account.name, terms.keys?.[0] ?? key, seen);
  }

  /** Stop the mock, if it was started here. */
  async stop() {
    if (!this.#child || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.ref();
    this.#child.kill("SIGTERM");
    await ended;
  }
}

/** An account of the mock, as one test uses it. */
export class Account {
  #mock;
  #before;
  #receipts = [];

  constructor(mock, name, apiKey, before) {
    this.#mock = mock;
    this.#before = before;
    this.baseUrl = mock.baseUrl;
    this.name = name;
    this.apiKey = apiKey;
  }

  /** Arm a scenario for the next rerank requests; return its receipt. */
  async arm(scenario, { times } = {}) {
    const body = { account: this.name, scenario, ...(times === undefined ? {} : { times }) };
    const receipt = await this.#mock.admin("POST", "/scenarios", body);
    this.#receipts.push(receipt.number);
    return receipt;
  }

  /** How far a scenario has run. */
  receipt({ number }) {
    return this.#mock.admin("GET", `/scenarios/${number}`);
  }

  /** Pin scores: document -> score, or a list of pins as `/__admin/pins` takes it. */
  pin(pins) {
    const rows = Array.isArray(pins) ? pins : [{ scores: pins }];
    return this.#mock.admin("POST", "/pins", { account: this.name, pins: rows });
  }

  /** Change the balance, limits, standing, latency or connection. */
  change(terms) {
    return this.#mock.admin("PATCH", `/accounts/${encodeURIComponent(this.name)}`, terms);
  }

  /** The calls of this test so far, oldest first; on a mock of one's own also those without a valid key. */
  async calls() {
    const query = new URLSearchParams({ after: this.#before, limit: 1000 });
    if (!this.#mock.isOwn) query.set("account", this.name);
    const { entries } = await this.#mock.admin("GET", `/journal?${query}`);
    return entries.filter(({ account }) => account === this.name || account === null);
  }

  /** Fail unless the last call had these fields; `assertion` is one of `/__admin/journal/verify`. */
  async verify(fields, { assertion } = {}) {
    const body = { account: this.name, after: this.#before, fields, assertion };
    const { verified, message } = await this.#mock.admin("POST", "/journal/verify", body);
    if (!verified) throw new Error(message);
  }

  /** Fail if a call had advice of that severity or a greater one, or a scenario was not met. */
  async check({ failOn = "breach", allow = [], assertAllMet = true } = {}) {
    const least = failOn === "nothing" ? SEVERITIES.length : SEVERITIES.indexOf(failOn);
    if (least < 0) throw new TypeError(`failOn: expected ${SEVERITIES.join(", ")} or nothing, got ${failOn}`);
    const problems = (await this.calls()).flatMap(({ number, method, path, status, advice }) =>
      advice
        .filter(({ id, severity }) => SEVERITIES.indexOf(severity) >= least && !allow.includes(id))
        .map(({ id, severity, hint }) => `call ${number}: ${method} ${path} -> ${status}: ${severity} ${id}: ${hint}`));
    for (const number of assertAllMet ? this.#receipts : []) {
      const { met, scenario } = await this.receipt({ number });
      if (!met) problems.push(`the scenario ${scenario.name ?? number} was armed and not all of it was met`);
    }
    if (problems.length) throw new Error(problems.join("\n"));
  }

  /** Close the account, and delete its key, scenarios and pins. */
  close() {
    return this.#mock.admin("DELETE", `/accounts/${encodeURIComponent(this.name)}`);
  }
}

/** Start `rerank-mock serve` on a free port; resolves once it accepts connections. */
export async function startMock({ command = ["rerank-mock"], args = [], seconds = 30 } = {}) {
  const [program, ...front] = command;
  const child = spawn(program, [...front, "serve", "--port", "0", "--quiet", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const kill = () => child.kill();
  process.once("exit", kill);
  child.once("exit", () => process.removeListener("exit", kill));
  let errors = "";
  child.stderr.on("data", (piece) => (errors += piece));
  const settled = new AbortController();
  const baseUrl = await Promise.race([
    new Promise((resolve) => createInterface(child.stdout).once("line", (line) => resolve(line.split(" ").at(-1)))),
    new Promise((_, reject) => child.once("error", ({ message }) => reject(new Error(`${program}: ${message}`)))),
    new Promise((_, reject) => child.once("close", (code) => reject(new Error(errors.trim() || `${program} ended with ${code}`)))),
    sleep(seconds * 1000, undefined, { signal: settled.signal }).then(() => {
      child.kill();
      throw new Error(`${program} was not ready within ${seconds} s`);
    }),
  ]).finally(() => settled.abort());
  // The mock must not keep the tests from ending.
  for (const handle of [child, child.stdout, child.stderr]) handle.unref();
  return new RerankMock(baseUrl, { child });
}

/** Use the mock that runs at a base URL, which ends in `/v1`. */
export async function connectMock(baseUrl, { token } = {}) {
  const mock = new RerankMock(baseUrl, { token });
  await mock.admin("GET", "/health").catch(({ message, cause }) => {
    throw new Error(`no mock at ${baseUrl}: ${cause?.message ?? message}`);
  });
  return mock;
}
