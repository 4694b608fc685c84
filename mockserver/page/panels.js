// The state of the mock beside the journal: clock, accounts, scenarios, models.

import { call, withQuery } from "./api.js";
import { button, byId, make, offer, replace, sent } from "./dom.js";
import { filterByAccount } from "./journal.js";
import { perform } from "./notices.js";
import { count, counted, describe, duration, moment, money, sum } from "./text.js";

/** The most accounts and receipts that are listed. */
const LISTED = 50;

const arming = byId("arm");
/** What each ready-made scenario tests, by name. */
const reasons = new Map();

/** Show the time. */
export function showClock({ now, frozen }) {
  const { date, time } = moment(now);
  byId("now").textContent = `${date} ${time} UTC`;
  byId("now").dateTime = `${date}T${time}Z`;
  byId("clock-state").textContent = frozen ? "frozen" : "running";
  byId("clock-state").dataset.kind = frozen ? "redirected" : "answered";
  byId("freeze").textContent = frozen ? "Resume" : "Freeze";
}

/** Fetch everything else, and show it. */
export async function update() {
  const [{ accounts }, { uses }, { receipts }, { models, planned_changes: planned }] = await Promise.all(
    ["accounts", "limits", "scenarios", "models"].map((path) => call("GET", path)),
  );
  showAccounts(accounts, uses);
  showReceipts(receipts);
  showModels(models, planned);
}

// Accounts.

function showAccounts(accounts, uses) {
  byId("accounts-count").textContent = counted(accounts.length, "account");
  offer(arming.elements.account, accounts.map(({ name }) => [name, name]));
  const listed = accounts.slice(-LISTED);
  replace(byId("account-list"),
    ...(accounts.length ? [] : [make("p", { class: "empty" }, "No account is open, so every key is refused. Reset opens the first ones again.")]),
    ...listed.map((account) => accountOf(account, uses.filter((use) => use.account === account.name))),
    left(accounts.length - listed.length, "older account"));
}

function accountOf(account, uses) {
  const name = button(sent(account.name), () => filterByAccount(account.name), {
    class: "name", "data-key": account.name, title: "Show the exchanges of this account",
  });
  const total = sum(account.granted_balance, account.charged_balance);
  const states = [
    account.standing === "normal" ? null : account.standing,
    account.connection === "open" ? null : `connection ${account.connection.replaceAll("_", " ")}`,
    account.latency === 0 ? null : `latency ${typeof account.latency === "number" ? `${account.latency} s` : account.latency.type}`,
  ].filter(Boolean);
  return make("article", {},
    make("div", { class: "bar" },
      make("h3", {}, name),
      make("p", { class: "money", "data-kind": total.startsWith("-") ? "refused" : null, title: `${money(account.granted_balance)} granted, ${money(account.charged_balance)} paid in` }, money(total))),
    states.length ? make("p", { class: "buttons" }, ...states.map((state) => make("span", { class: "tag", "data-kind": "refused" }, state))) : null,
    make("p", { class: "muted" }, limitsOf(account)),
    ...[...Map.groupBy(uses, ({ model }) => model)].map(([model, of]) => usesOf(model, of)));
}

function limitsOf({ limits, model_limits: exceptions }) {
  const written = Object.entries(limits).filter(([, most]) => most !== null).map(([name, most]) => `${name} ${count(most)}`);
  const others = Object.keys(exceptions).length;
  return (written.length ? `${written.join(" · ")} for each model` : "No limits")
    + (others ? `, ${counted(others, "model")} with other limits` : "");
}

/** Return how full the limits for a model are. */
function usesOf(model, uses) {
  return make("div", { class: "uses" }, make("span", { class: "model" }, model), ...uses.flatMap(meterOf));
}

function meterOf({ model, limit, most, used, resets_in: left }) {
  const isFull = used >= most;
  return [
    make("span", { class: "muted" }, limit),
    make("meter", { min: 0, max: Math.max(most, 1), high: 0.8 * most, optimum: 0, value: Math.min(used, most), "aria-label": `${limit} of ${model}` }),
    make("span", { class: "figure", "data-kind": isFull && "refused" }, `${count(used)} of ${count(most)}${isFull ? ", full" : ""}`),
    make("span", { class: "figure muted", title: "until the window closes" }, duration(left)),
  ];
}

// Scenarios.

function showReceipts(receipts) {
  const waiting = receipts.filter(({ met }) => !met).length;
  byId("scenarios-count").textContent = receipts.length ? `${count(waiting)} waiting, ${count(receipts.length - waiting)} met` : "";
  const listed = receipts.slice(-LISTED).reverse();
  replace(byId("receipts"),
    ...(receipts.length ? [] : [make("p", { class: "empty" }, "No scenario is armed. Arm one, and the account’s next rerank requests run through its steps.")]),
    ...listed.map(receiptOf),
    left(receipts.length - listed.length, "older scenario"));
}

const MET = { never: "not yet", partly: "begun", fully: "met" };

function receiptOf({ number, account, met, scenario, steps }) {
  return make("article", { "data-met": String(met) },
    make("div", { class: "bar" },
      make("h3", {}, make("span", { class: "muted" }, `${number} `), sent(scenario.name)),
      make("span", { class: "tag", "data-kind": met ? "answered" : "redirected" }, met ? "met" : "waiting")),
    make("p", { class: "muted" }, sent(account)),
    make("ol", {}, ...steps.map((step, place) => stepOf(scenario.steps[place], step))));
}

function stepOf(step, { taken, met }) {
  const times = step.times === undefined ? 1 : step.times;
  const progress = times === null ? counted(taken, "request") : `${count(taken)} of ${counted(times, "request")}`;
  return make("li", { "data-met": met },
    sent(describe(step)), make("span", { class: "muted" }, ` ${progress}, ${MET[met]}`));
}

/** Fetch the ready-made scenarios, which do not change. */
export async function loadReadyMade() {
  const { scenarios } = await call("GET", "scenarios/ready-made");
  scenarios.forEach(({ name, why }) => reasons.set(name, why));
  offer(arming.elements.scenario, scenarios.map(({ name }) => [name, name]));
  explain();
}

function explain() {
  byId("why").textContent = reasons.get(arming.elements.scenario.value) ?? "";
}

arming.elements.scenario.addEventListener("change", explain);
arming.addEventListener("submit", (event) => {
  event.preventDefault();
  perform(async () => {
    const { account, scenario } = arming.elements;
    const receipt = await call("POST", "scenarios", { account: account.value, scenario: scenario.value });
    await update();
    return `Armed ${receipt.scenario.name} for ${receipt.account}: number ${receipt.number}.`;
  });
});
byId("disarm").addEventListener("click", () => perform(async () => {
  const account = arming.elements.account.value;
  const { receipts } = await call("DELETE", withQuery("scenarios", { account }));
  await update();
  return `Removed ${counted(receipts.length, "scenario")} of ${account}.`;
}));

// Models.

function showModels(models, planned) {
  const online = models.filter(({ state }) => state === "online").length;
  byId("models-count").textContent = `${count(online)} of ${count(models.length)} online`;
  replace(byId("model-list"), ...models.map((model) => modelOf(model, planned.filter((change) => change.model === model.id))));
}

function modelOf({ id, state, price, context_tokens: context, supports }, planned) {
  const isOnline = state === "online";
  const toggle = button(isOnline ? "Take offline" : "Bring online", () => changeModel(id, isOnline ? "offline" : "online"), {
    class: "quiet", "data-key": id, "aria-label": `${isOnline ? "Take offline" : "Bring online"}: ${id}`,
  });
  const facts = [
    priceOf(price),
    `${count(context)} tokens of context`,
    ...supports,
  ];
  return make("article", {},
    make("div", { class: "bar" },
      make("h3", {}, id),
      isOnline ? null : make("span", { class: "tag", "data-kind": "refused" }, "offline"),
      toggle),
    make("p", { class: "muted" }, facts.join(" · ")),
    ...planned.map(({ at, ...change }) => make("p", { class: "muted" }, plan(at, change))));
}

function priceOf(price) {
  if (price === null) return "price unknown";
  return Number(price.text) || Number(price.image) ? `${money(price.text)} per million tokens` : "free";
}

function plan(at, { state, price, supports }) {
  const { date, time } = moment(at);
  const what = [state, price && "another price", supports && "other fields"].filter(Boolean).join(", ");
  return `Planned for ${date} ${time} UTC: ${what}`;
}

function changeModel(model, state) {
  return perform(async () => {
    await call("PATCH", "models", { model, state });
    await update();
    return `${model} is ${state}.`;
  });
}

function left(number, noun) {
  return number > 0 ? make("p", { class: "muted" }, `and ${counted(number, noun)}`) : null;
}
