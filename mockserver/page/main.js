// The page of the mock: asks it once a second what has happened, and does what its buttons say.

import { call, RefusedError, UnreachableError } from "./api.js";
import { byId } from "./dom.js";
import "./exchange.js";
import * as journal from "./journal.js";
import { copy, perform, say } from "./notices.js";
import * as panels from "./panels.js";
import { counted, moment } from "./text.js";

/** How often the mock is asked, in milliseconds, and how often for the panels, too. */
const PERIOD = 1000;
const PANELS = 3;

const baseUrl = `${location.origin}/v1`;
const firstRequest = `curl -sS ${baseUrl}/rerank \\
  -H "Authorization: Bearer \${RERANK_API_KEY:-sk-mock}" -H "Content-Type: application/json" \\
  -d '{"model": "BAAI/bge-reranker-v2-m3", "query": "apple", "documents": ["a banana", "an apple"]}'`;

let paused = false;
let round = 0;
let isComplete = false;

/** Ask what has happened, and show it. */
async function look() {
  const health = await call("GET", "health");
  panels.showClock(health.clock);
  if (!isComplete) await panels.loadReadyMade();
  isComplete = true;
  const isNew = await journal.update(health.exchanges);
  if (isNew || round % PANELS === 0) await panels.update();
  round += 1;
}

function connection(state, text) {
  const shown = byId("connection");
  if (shown.textContent === text) return;
  shown.dataset.state = state;
  shown.textContent = text;
}

async function follow() {
  for (;;) {
    if (!paused && !document.hidden) {
      try {
        await look();
        if (!paused) connection("live", "Live");
      } catch (error) {
        if (error instanceof RefusedError) say(error.message, "refused");
        else if (error instanceof UnreachableError) connection("lost", "The mock does not answer");
        else throw error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, PERIOD));
  }
}

byId("base-url").textContent = baseUrl;
byId("first-request").textContent = firstRequest;
byId("copy-url").addEventListener("click", () => copy(baseUrl, () => say("Copied the base URL.")));
byId("copy-first").addEventListener("click", () => copy(firstRequest, () => say("Copied. Run it in a shell.")));

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").textContent = paused ? "Resume" : "Pause";
  connection(paused ? "paused" : "waiting", paused ? "Paused" : "Connecting");
});

byId("clear").addEventListener("click", () => perform(async () => {
  const { forgotten } = await call("DELETE", "journal");
  const { exchanges } = await call("GET", "health");
  await journal.reload(exchanges);
  return `Deleted ${counted(forgotten, "exchange")}.`;
}));

byId("reset").addEventListener("click", () => perform(async () => {
  const { accounts, exchanges } = await call("POST", "reset", {});
  await Promise.all([journal.reload(exchanges), panels.update()]);
  return `The mock is as it was at its start: ${counted(accounts, "account")}, ${counted(exchanges, "exchange")}.`;
}));

/** Do something with the clock, and say what time it is. */
function moveClock(path, body) {
  return perform(async () => {
    const clock = await call("POST", path, body);
    panels.showClock(clock);
    await panels.update();
    const { date, time } = moment(clock.now);
    return `The clock ${clock.frozen ? "stands at" : "runs on from"} ${date} ${time} UTC.`;
  });
}

byId("freeze").addEventListener("click", () => {
  const isFrozen = byId("clock-state").textContent === "frozen";
  moveClock(isFrozen ? "clock/resume" : "clock/freeze", {});
});
for (const button of document.querySelectorAll("[data-seconds]")) {
  button.addEventListener("click", () => moveClock("clock/advance", { seconds: Number(button.dataset.seconds) }));
}
byId("advance").addEventListener("submit", (event) => {
  event.preventDefault();
  const { value } = event.target.elements.seconds;
  // What is no number goes to the mock as it is: it says why that will not do.
  moveClock("clock/advance", { seconds: value.trim() === "" || Number.isNaN(Number(value)) ? value : Number(value) });
});

follow();
