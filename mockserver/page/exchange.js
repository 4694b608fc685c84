// One exchange in full, beside the journal.

import { asCurl, asTest } from "./copying.js";
import { byId, make, sent } from "./dom.js";
import { beside, bySeverity, entryOf, focus, kindOf, tagOf, tokensOf } from "./journal.js";
import { copy } from "./notices.js";
import { bytes, count, counted, milliseconds, moment, money, pretty } from "./text.js";

/** The most characters of a body that are shown at first. */
const SHOWN = 20000;

const dialog = byId("exchange");
const content = byId("exchange-content");
let entry;

/** Show an exchange. */
export function open(wanted) {
  entry = wanted;
  byId("exchange-title").replaceChildren(
    `Exchange ${count(entry.number)} `,
    make("span", { class: "tag", "data-kind": kindOf(entry) }, `${entry.status} ${entry.outcome}`),
  );
  offerNeighbours();
  byId("copy-note").textContent = "";
  content.replaceChildren(
    ...(entry.advice.length ? [adviceOf(entry)] : []),
    factsOf(entry),
    ...messageOf("Request", requestLine(entry), entry.headers, entry.body, entry.body_bytes),
    ...messageOf("Answer", String(entry.status), entry.response_headers, entry.response_body, entry.response_body_bytes),
  );
  content.scrollTop = 0;
  if (!dialog.open) dialog.showModal();
}

function offerNeighbours() {
  byId("newer").disabled = !beside(entry, -1);
  byId("older").disabled = !beside(entry, 1);
}

function requestLine({ method, path, query }) {
  return `${method} ${path}${query && `?${query}`}`;
}

function adviceOf({ advice }) {
  return make("ul", { class: "advices", "aria-label": "Advice" }, ...bySeverity(advice).map((found) =>
    make("li", { "data-severity": found.severity },
      make("p", {}, tagOf(found), " ", make("strong", {}, found.sentence)),
      found.hint ? sent(found.hint, { tag: "p" }) : null)));
}

function factsOf(shown) {
  const { date, precise } = moment(shown.at);
  const facts = [
    ["Time", `${date} ${precise} UTC`],
    ["Account", shown.account ?? "no valid key"],
    ["Model", shown.model],
    ["Documents", shown.documents === null ? null : count(shown.documents)],
    ["Tokens", tokensOf(shown) ? count(tokensOf(shown)) + (shown.image_tokens ? `, ${count(shown.image_tokens)} of them for images` : "") : null],
    ["Charge", shown.charge === "0" ? null : money(shown.charge)],
    ["Took", `${milliseconds(shown.milliseconds)} ms`],
    ["Answered by", shown.source ?? null],
  ];
  return make("dl", {}, ...facts.filter(([, value]) => value !== null)
    .map(([name, value]) => make("div", {}, make("dt", {}, name), sent(value, { tag: "dd" }))));
}

function messageOf(title, line, headers, body, length) {
  const names = Object.keys(headers);
  return [
    make("h3", {}, title),
    sent(line, { tag: "p", class: "line" }),
    make("details", {},
      make("summary", {}, counted(names.length, "header")),
      make("dl", { class: "headers" }, ...names.map((name) =>
        make("div", {}, sent(name, { tag: "dt" }), sent(headers[name], { tag: "dd" }))))),
    ...bodyOf(body, length),
  ];
}

function bodyOf(body, length) {
  if (!length) return [make("p", { class: "muted" }, "No body")];
  const text = pretty(body) ?? body;
  const isWhole = bytes(body) === length;
  const size = isWhole ? counted(length, "byte") : `${count(bytes(body))} of ${counted(length, "byte")}, without keys`;
  const block = sent(text.slice(0, SHOWN), { tag: "pre", lines: true });
  const found = [make("p", { class: "muted" }, size), block];
  if (text.length > SHOWN) {
    const more = make("button", { type: "button" }, `Show all ${count(text.length)} characters`);
    more.addEventListener("click", () => {
      const whole = sent(text, { tag: "pre", lines: true });
      block.replaceWith(whole);
      more.remove();
      content.focus();
    });
    found.push(more);
  }
  return found;
}

function copyAs(kind, text) {
  const isWhole = bytes(entry.body) === entry.body_bytes;
  copy(text, () => {
    byId("copy-note").textContent = isWhole
      ? `Copied as ${kind}.`
      : `Copied as ${kind}, but the journal has not kept all of the body.`;
  });
}

byId("copy-curl").addEventListener("click", () => copyAs("curl", asCurl(entry, location.origin)));
byId("copy-test").addEventListener("click", () => copyAs("a test", asTest(entry)));
byId("newer").addEventListener("click", () => open(beside(entry, -1)));
byId("older").addEventListener("click", () => open(beside(entry, 1)));
byId("exchanges").addEventListener("change", () => dialog.open && offerNeighbours());
dialog.addEventListener("close", () => focus(entry));
// A click beside it closes it.
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

byId("exchanges").tBodies[0].addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  // Marking text is no click.
  if (row && !String(getSelection())) open(entryOf(row));
});
