// Making elements. Texts become text nodes, never markup.

import { pieces } from "./text.js";

/** Return the element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Return a new element; `attributes` with the value null or false are left out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Return a text of a request as an element, in which every hidden character has its name. */
export function sent(text, { tag = "bdi", lines = false, ...attributes } = {}) {
  const children = pieces(text, { lines }).map((piece) =>
    piece.text ?? make("span", { class: "hidden-character" }, piece.hidden));
  return make(tag, attributes, ...children);
}

/** Return a button; `key` finds it again after its list was made anew. */
export function button(label, act, attributes = {}) {
  const element = make("button", { type: "button", ...attributes }, label);
  element.addEventListener("click", act);
  return element;
}

/** Replace what is in an element, unless it is the same; the focus stays on its `data-key`. */
export function replace(element, ...wanted) {
  const children = wanted.filter((child) => child !== null);
  const before = [...element.childNodes];
  if (before.length === children.length && before.every((node, place) => node.isEqualNode(children[place]))) return;
  const key = element.contains(document.activeElement) && document.activeElement.dataset.key;
  element.replaceChildren(...children);
  if (key) [...element.querySelectorAll("[data-key]")].find((found) => found.dataset.key === key)?.focus();
}

/** Give a select these options, `[value, label]`, and keep what is chosen if it is still there. */
export function offer(select, options) {
  const wanted = JSON.stringify(options);
  if (select.dataset.offered === wanted) return;
  const chosen = select.value;
  select.replaceChildren(...options.map(([value, label]) => make("option", { value }, label)));
  select.dataset.offered = wanted;
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}
