// How values are written for people. Pure functions, without a page.

/** Characters that are not seen, or that change how others are shown, such as U+202E. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

const GROUPED = new Intl.NumberFormat("en");

/** Return the pieces of a text: `{text}`, or `{hidden}` with the name of a character. */
export function pieces(text, { lines = false } = {}) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (lines && (match[0] === "\n" || match[0] === "\t")) continue;
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    found.push({ hidden: `U+${code(match[0]).padStart(4, "0")}` });
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}

/** Return the text with every hidden character replaced by `escape(its code in hexadecimal)`. */
export function escaped(text, escape) {
  return text.replace(HIDDEN, (character) => escape(code(character), character));
}

/** Return whether a text has a hidden character. */
export function hasHidden(text) {
  return text.search(HIDDEN) >= 0;
}

function code(character) {
  return character.codePointAt(0).toString(16).toUpperCase();
}

/** Return a number with its digits in groups: 1,234. */
export function count(number) {
  return GROUPED.format(number);
}

/** Return a number with the noun, in the plural where it is needed. */
export function counted(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Return money, which is a decimal in a text, without zeros at its end, but with two decimals. */
export function money(text) {
  const [whole, decimals = ""] = text.split(".");
  const sign = whole.startsWith("-") ? "−" : "";
  const digits = GROUPED.format(BigInt(whole.replace("-", "")));
  return `${sign}¥${digits}.${decimals.replace(/0+$/, "").padEnd(2, "0")}`;
}

/** Return the sum of two decimals in texts, exactly. */
export function sum(one, other) {
  const length = Math.max(...[one, other].map((text) => (text.split(".")[1] ?? "").length));
  const total = [one, other].map((text) => {
    const [whole, decimals = ""] = text.split(".");
    return BigInt(whole + decimals.padEnd(length, "0"));
  });
  const added = total[0] + total[1];
  const digits = String(added < 0n ? -added : added).padStart(length + 1, "0");
  const point = digits.length - length;
  return `${added < 0n ? "-" : ""}${digits.slice(0, point)}${length ? "." : ""}${digits.slice(point)}`;
}

/** Return a time in seconds since the epoch as date and time, UTC. */
export function moment(seconds) {
  const text = new Date(seconds * 1000).toISOString();
  return { date: text.slice(0, 10), time: text.slice(11, 19), precise: text.slice(11, 23) };
}

/** Return milliseconds with as many decimals as matter. */
export function milliseconds(value) {
  return value < 10 ? value.toFixed(1) : count(Math.round(value));
}

/** Return seconds as the two largest units: 1 h 5 min. */
export function duration(seconds) {
  const whole = Math.ceil(seconds);
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => whole >= size);
  if (first < 0) return "0 s";
  let left = whole;
  const written = [];
  for (const [name, size] of units.slice(first, first + 2)) {
    const number = Math.floor(left / size);
    if (number) written.push(`${number} ${name}`);
    left -= number * size;
  }
  return written.join(" ");
}

/** Return the number of bytes of a text in UTF-8. */
export function bytes(text) {
  return new TextEncoder().encode(text).length;
}

/**
 * Return JSON with one member or item a line, or null if the text is not JSON.
 *
 * Its tokens stay as they were sent: no number is rounded. `write` may change how one is written.
 */
export function pretty(text, { indent = "  ", begin = "", write = (token) => token } = {}) {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g);
  const written = [];
  let depth = 0;
  const line = () => `\n${begin}${indent.repeat(depth)}`;
  tokens.forEach((token, place) => {
    if (token === "[" || token === "{") {
      written.push(token);
      depth += 1;
      if (!"]}".includes(tokens[place + 1])) written.push(line());
    } else if (token === "]" || token === "}") {
      depth -= 1;
      written.push("[{".includes(tokens[place - 1]) ? token : line() + token);
    } else if (token === ",") {
      written.push(token, line());
    } else {
      written.push(token === ":" ? ": " : write(token));
    }
  });
  return written.join("");
}

/** Return what a step of a scenario does, in a few words. */
export function describe(step) {
  const does = [];
  if (step.error) does.push(step.error);
  if (step.status) does.push(`status ${step.status}`);
  if (step.body !== undefined) does.push(step.body ? "a body of its own" : "an empty body");
  if (step.answer) does.push("a changed answer");
  if (step.cut !== undefined) does.push(`cut at ${step.cut * 100} %`);
  if (step.delay) does.push(`after ${duration(step.delay)}`);
  if (step.drip) does.push(`in ${step.drip.pieces} pieces`);
  if (step.close) does.push(`connection ${step.close.replaceAll("_", " ")}`);
  if (step.headers && !does.length) does.push("other headers");
  if (step.share !== undefined) does.push(`for ${step.share * 100} % of the requests`);
  return does.join(", ") || "answered as usual";
}
