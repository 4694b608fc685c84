// Calls of /__admin.

import { byId } from "./dom.js";

const TOKEN = "rerank-mock token";

/** A call that the mock refused; the message is its sentence. */
export class RefusedError extends Error {}

/** The mock did not answer. */
export class UnreachableError extends Error {}

/** Call the mock; return its answer. Asks for the token if the mock wants one. */
export async function call(method, path, body) {
  const headers = {};
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, cache: "no-store", body: body && JSON.stringify(body) });
  } catch {
    throw new UnreachableError("The mock does not answer.");
  }
  const said = await answer.json();
  if (answer.status === 401) {
    await askForToken(token && "This is not the token of the mock.");
    return call(method, path, body);
  }
  if (!answer.ok) throw new RefusedError(said.path === "/" ? said.reason : `${said.path}: ${said.reason}`);
  return said;
}

/** Return a path with parameters; those without a value are left out. */
export function withQuery(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "");
  return `${path}?${new URLSearchParams(given)}`;
}

let asking = null;

/** Ask for the token once, however many calls need it. */
function askForToken(problem) {
  asking ??= new Promise((resolve) => {
    const dialog = byId("ask-token");
    const form = dialog.querySelector("form");
    byId("token-problem").textContent = problem ?? "";
    form.reset();
    // The page is of no use without it.
    dialog.onclose = () => asking && dialog.showModal();
    form.onsubmit = (event) => {
      event.preventDefault();
      sessionStorage.setItem(TOKEN, form.elements.token.value);
      asking = null;
      dialog.close();
      resolve();
    };
    dialog.showModal();
  });
  return asking;
}
