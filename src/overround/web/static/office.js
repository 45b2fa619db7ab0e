// @ts-check
// What a page of the office runs: regions that follow the bets, forms that stay in their place, and
// the search under "/". Without it every page and every form works as it stands.

import "./nav.js";
import { Live } from "./live.js";
import { refresh } from "./refresh.js";

const AT_MOST_EVERY_MS = 1_000;
const AT_LEAST_EVERY_MS = 10_000;
const OLD_MS = 25_000;
const WORDS = { live: "Live", polling: "Every 10 s", stale: "May be old", off: "" };

const regions = document.querySelector("[data-refresh]") !== null;
let refreshedAt = Date.now();
let readyAt = 0;
let waiting = 0;

/** Bring the page up to date: once for all that happen meanwhile, and never faster than it can. */
function soon() {
  if (waiting || !regions) return;
  waiting = setTimeout(async () => {
    const started = Date.now();
    await refresh(() => (refreshedAt = Date.now()));
    readyAt = Date.now() + Math.max(AT_MOST_EVERY_MS, 3 * (Date.now() - started));
    waiting = 0;
  }, Math.max(0, readyAt - Date.now()));
}

/** @param {import("./live.js").State} said what the stream says of itself: it may just be quiet */
function badge(said) {
  const place = document.getElementById("live");
  const text = place?.querySelector(".text");
  const old = Date.now() - refreshedAt > OLD_MS;
  const state = old ? "stale" : said === "stale" ? "polling" : said;
  if (!place || !text || place.dataset.state === state) return;
  place.dataset.state = state;
  text.textContent = WORDS[state];
}

/** @param {string} text */
function say(text) {
  const place = document.getElementById("say");
  if (place) place.textContent = text;
}

/** Send a row's form and put the answer's row in its place.
 * @param {HTMLFormElement} form @param {HTMLElement | null} button */
async function send(form, button) {
  const { row = "", name = "" } = form.dataset;
  const fields = new FormData(form, button);
  const field = document.activeElement;
  const at = field instanceof HTMLInputElement && form.contains(field) ? field.name : "";
  const role = button?.getAttribute("role");
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "text/html", "Content-Type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams([...fields].map(([key, value]) => [key, String(value)])),
      signal: AbortSignal.timeout(8_000),
    });
  } catch {
    say(`Nobody answers. ${name} is as it was.`);
    return;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const replacement = fresh.getElementById(row);
  const old = document.getElementById(row);
  if (!replacement || !old) {
    // Logged out, or without the right: the answer is a page of its own.
    location.reload();
    return;
  }
  const placed = document.importNode(replacement, true);
  placed.dataset.done = String(answer.ok);
  old.replaceWith(placed);
  const wrong = placed.querySelector("[aria-invalid]");
  const again = at ? `[name="${at}"]` : role ? `[role="${role}"]` : "button:not([role])";
  const focus = wrong ?? placed.querySelector(again);
  if (focus instanceof HTMLElement) focus.focus();
  if (answer.ok) say(`${name} is saved. It applies within a second.`);
  soon();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.matches("form.set")) return;
  event.preventDefault();
  void send(form, event.submitter);
});

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  const typing = target instanceof HTMLElement && target.matches("input, select, textarea");
  const search = document.getElementById("search");
  if (key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!(search instanceof HTMLInputElement)) return;
  event.preventDefault();
  search.focus();
  search.select();
});

new Live({
  topics: () => (regions ? (document.body.dataset.topics ?? "").trim().split(",") : []),
  ids: () => [],
  offers() {},
  closed() {},
  hint: soon,
  state: badge,
}).start();
setInterval(() => {
  if (!document.hidden && Date.now() - refreshedAt > AT_LEAST_EVERY_MS) soon();
}, 1_000);
// Everything that this page runs has arrived (loaded.js).
document.documentElement.dataset.loaded = "true";
