// The journal: which exchanges the page holds, which of them it shows, and the table of these.

import { call, withQuery } from "./api.js";
import { byId, make, offer, sent } from "./dom.js";
import { count, counted, milliseconds, moment } from "./text.js";

/** The most exchanges that the page holds; the mock itself has more. */
const HELD = 1000;

/** The most that are fetched at once: more may come while the page asks. */
const FETCHED = 2 * HELD;

/** How many rows are shown at once, so that the table stays quick. */
const ROWS = 200;

/** The most characters of a text in a cell. */
const CELL = 300;

const NOBODY = "no valid key";
const SEVERITIES = ["breach", "mistake", "remark"];

const table = byId("exchanges");
const rows = table.tBodies[0];
const filters = byId("filters");

/** The exchanges that the page holds, newest first. */
let held = [];
/** How many there have been, as far as the page knows; nothing yet. */
let seen = -1;
let limit = ROWS;
/** Grows whenever all of them are fetched anew: what was asked before is then out of date. */
let generation = 0;

/** Fetch what is new, given how many exchanges there have been; return whether anything is. */
export async function update(exchanges) {
  if (exchanges === seen) return false;
  const last = held[0];
  if (exchanges < seen || !last) {
    await reload(exchanges);
    return true;
  }
  // With the last one that is known: if it is no more, the journal was cleared or reset meanwhile.
  const asked = generation;
  const found = await call("GET", withQuery("journal", { after: last.number - 1, limit: FETCHED }));
  if (asked !== generation) return true;
  const [known, ...fresh] = found.entries;
  if (JSON.stringify(known) !== JSON.stringify(last) || found.found > FETCHED) {
    await reload(found.seen);
  } else {
    seen = found.seen;
    add(fresh.reverse());
  }
  return true;
}

/** Fetch the newest exchanges. */
export async function reload(exchanges) {
  generation += 1;
  const asked = generation;
  const found = await call("GET", withQuery("journal", { after: Math.max(exchanges - HELD, 0), limit: FETCHED }));
  if (asked !== generation) return;
  held = found.entries.reverse().slice(0, HELD);
  seen = found.seen;
  show();
}

/** Return the exchange that is shown beside one: 1 is the next older, -1 the next newer. */
export function beside(entry, step) {
  const shown = held.filter(matches);
  const place = shown.findIndex(({ number }) => number === entry.number);
  return place < 0 ? undefined : shown[place + step];
}

/** Return the exchange of a row. */
export function entryOf(row) {
  return held.find(({ number }) => String(number) === row.dataset.number);
}

/** Put the focus on the row of an exchange, if it is shown. */
export function focus(entry) {
  rows.querySelector(`[data-number="${entry.number}"] button`)?.focus();
}

/** Show the exchanges of one account only. */
export function filterByAccount(name) {
  offerFilters([name]);
  filters.elements.account.value = JSON.stringify(name);
  show();
  byId("journal").scrollIntoView();
}

/** Add new exchanges, newest first, without making the table anew. */
function add(fresh) {
  held = [...fresh, ...held].slice(0, HELD);
  const matching = fresh.filter(matches).slice(0, limit).map(rowOf);
  matching.forEach((row) => row.classList.add("new"));
  rows.prepend(...matching);
  while (rows.rows.length > limit) rows.rows[rows.rows.length - 1].remove();
  describe();
}

function show() {
  rows.replaceChildren(...held.filter(matches).slice(0, limit).map(rowOf));
  describe();
}

/** Show how many exchanges there are, and what to do if there are none. */
function describe() {
  offerFilters();
  const matching = held.filter(matches).length;
  const filtered = isFiltered();
  const older = seen > held.length ? `, of ${count(seen)} in all` : "";
  byId("journal-count").textContent = filtered
    ? `${count(matching)} of ${counted(held.length, "exchange")}`
    : held.length ? `${counted(held.length, "exchange")}${older}` : "";
  table.hidden = !matching;
  byId("no-exchange").hidden = held.length > 0;
  byId("no-match").hidden = !held.length || matching > 0;
  byId("more").hidden = matching <= limit;
  byId("more").textContent = `Show ${count(Math.min(ROWS, matching - limit))} more`;
  filters.querySelector("button").hidden = !filtered;
  table.dispatchEvent(new Event("change"));
}

function rowOf(entry) {
  const { time, date, precise } = moment(entry.at);
  const open = make("button", { type: "button", "aria-label": `Open exchange ${entry.number}` }, count(entry.number));
  const status = make("span", { class: "status" }, String(entry.status));
  const outcome = entry.outcome.startsWith("status_") ? "" : ` ${entry.outcome}`;
  return make(
    "tr",
    { role: "row", "data-number": entry.number, "data-kind": kindOf(entry) },
    cell("number", {}, open),
    cell("time", { title: `${date} ${precise} UTC` }, time),
    cell("outcome", {}, status, outcome),
    textCell("request", `${entry.method} ${entry.path}`),
    textCell("account", entry.account ?? NOBODY),
    textCell("model", entry.model ?? ""),
    cell("figure documents", {}, entry.documents === null ? "" : count(entry.documents)),
    cell("figure tokens", {}, tokensOf(entry) ? count(tokensOf(entry)) : ""),
    cell("figure duration", {}, milliseconds(entry.milliseconds)),
    cell("advice", {}, ...bySeverity(entry.advice).map(tagOf)),
  );
}

// The roles say what the display of a grid would hide.
function cell(name, attributes, ...children) {
  return make("td", { role: "cell", class: name, ...attributes }, ...children);
}

function textCell(name, text) {
  const beginning = text.slice(0, CELL);
  return cell(name, { title: beginning }, sent(beginning));
}

/** Return advice with the severest first. */
export function bySeverity(advice) {
  return advice.toSorted((one, other) => SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity));
}

/** Return an advice as a small sign with its id. */
export function tagOf(advice) {
  const attributes = { class: "tag", "data-severity": advice.severity, title: `${advice.severity}: ${advice.sentence}` };
  return make("span", attributes, make("span", { class: "unseen" }, `${advice.severity} `), advice.id);
}

/** Return all tokens of an exchange. */
export function tokensOf(entry) {
  return entry.input_tokens + entry.image_tokens;
}

/** Return how an exchange ended: answered, redirected or refused, or failed if it was no refusal of the request. */
export function kindOf(entry) {
  if (entry.status < 300) return "answered";
  if (entry.status < 400) return "redirected";
  return entry.status < 500 ? "refused" : "failed";
}

// Filters. The value of an option is JSON, so that no name can be taken for another choice.

const ALL = ["", "all"];

function matches(entry) {
  const { account, outcome, advice } = filters.elements;
  const ids = entry.advice.flatMap(({ id, severity }) => [id, severity]);
  return (account.value === "" || JSON.parse(account.value) === entry.account)
    && (outcome.value === "" || (outcome.value === "not" ? entry.status >= 300 : outcome.value === entry.outcome))
    && (advice.value === "" || (advice.value === "any" ? ids.length > 0 : ids.includes(advice.value)));
}

function isFiltered() {
  return ["account", "outcome", "advice"].some((name) => filters.elements[name].value !== "");
}

function offerFilters(more = []) {
  const { account, outcome, advice } = filters.elements;
  const distinct = (values) => [...new Set(values)];
  const names = distinct([...more, ...held.map((entry) => entry.account)]).filter((name) => name !== null).sort();
  const none = held.some((entry) => entry.account === null) ? [["null", NOBODY]] : [];
  offer(account, keeping(account, [ALL, ...names.map((name) => [JSON.stringify(name), name]), ...none]));
  const outcomes = distinct(held.map((entry) => entry.outcome)).sort();
  offer(outcome, keeping(outcome, [ALL, ["not", "not answered"], ...outcomes.map((id) => [id, id])]));
  const given = held.flatMap((entry) => entry.advice);
  const severities = SEVERITIES.filter((severity) => given.some((found) => found.severity === severity));
  const ids = distinct(given.map(({ id }) => id)).sort();
  const choices = [...severities.map((name) => [name, `${name}s`]), ...ids.map((id) => [id, id])];
  offer(advice, keeping(advice, [ALL, ["any", "any"], ...choices]));
}

/** Return options with the one that is chosen, even if no exchange has it any more. */
function keeping(select, options) {
  const chosen = select.selectedOptions[0];
  if (!chosen || options.some(([value]) => value === chosen.value)) return options;
  return [...options, [chosen.value, chosen.label]];
}

filters.addEventListener("change", () => {
  limit = ROWS;
  show();
});
filters.addEventListener("reset", () => {
  // The choices are reset after this event.
  setTimeout(show);
});
byId("clear-filters").addEventListener("click", () => {
  filters.reset();
  filters.elements.account.focus();
});
byId("more").addEventListener("click", () => {
  const more = held.filter(matches).slice(limit, limit + ROWS).map(rowOf);
  limit += ROWS;
  rows.append(...more);
  describe();
  more[0]?.querySelector("button").focus();
});

// Arrows move between rows, as in other lists.
rows.addEventListener("keydown", (event) => {
  const row = event.target.closest("tr");
  const to = {
    ArrowDown: row.nextElementSibling,
    ArrowUp: row.previousElementSibling,
    Home: rows.firstElementChild,
    End: rows.lastElementChild,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  to?.querySelector("button").focus();
});
