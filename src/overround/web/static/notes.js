// @ts-check
// What the slip says of itself: what was placed, what is wrong, and both aloud for who cannot see it.

import { follow, taken } from "./waited.js";

/** @typedef {import("./place.js").Answer} Answer */

/** @param {string} id */
const el = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} text */
export function say(text) {
  el("slip-say").textContent = text;
}

/** One line for each: of several singles each is refused for a reason of its own.
 * @param {string[]} texts */
export function problem(...texts) {
  const note = el("slip-problem");
  note.replaceChildren(
    ...texts.map((text) => Object.assign(document.createElement("div"), { textContent: text })),
  );
  note.hidden = texts.every((text) => text === "");
  if (!note.hidden) say(texts.join(" "));
}

/** @param {Answer} answer @param {number} count how many were placed with it */
export function placed(answer, count) {
  const { why } = answer.body;
  const note = el("slip-done");
  const link = Object.assign(document.createElement("a"), { href: "/bets", textContent: "My bets" });
  const waits = why === "delay" ? "It is placed in a moment. " : "The house looks at it first. ";
  const text = answer.status === 202 ? waits : count > 1 ? `${count} bets placed. ` : taken(answer.body);
  note.replaceChildren(text, link);
  note.hidden = false;
  note.dataset.state = "placed";
  say(text);
  if (answer.status !== 202 || why !== "delay") return;
  const words = note.firstChild;
  follow(answer.body, (said, state) => {
    if (!words?.isConnected) return;
    words.textContent = said;
    note.dataset.state = state;
    if (state !== "waits") say(said);
  });
}
