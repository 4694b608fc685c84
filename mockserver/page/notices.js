// What the page says about an action, and the clipboard.

import { RefusedError, UnreachableError } from "./api.js";
import { byId } from "./dom.js";

const notice = byId("notice");

/** Say what happened. It stays until the next action, or until it is dismissed. */
export function say(text, kind = "done") {
  notice.querySelector("p").textContent = text;
  notice.dataset.kind = kind;
  notice.hidden = false;
}

notice.querySelector("button").addEventListener("click", () => {
  notice.hidden = true;
});

/** Do something that a person asked for, and say how it went. */
export async function perform(act) {
  try {
    say(await act());
  } catch (error) {
    if (!(error instanceof RefusedError || error instanceof UnreachableError)) throw error;
    say(error.message, "refused");
  }
}

/** Copy a text; without access to the clipboard, show it so that it can be copied by hand. */
export async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    done();
  } catch {
    const dialog = byId("by-hand");
    const area = dialog.querySelector("textarea");
    area.value = text;
    dialog.showModal();
    area.select();
  }
}
