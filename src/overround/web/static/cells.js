// @ts-check
// The prices on the page. Everything that arrives is gathered and written once a frame; a cell
// shows which way its price went (an arrow, coloured while it is news) and how old it is (a dot
// that empties). Screen readers hear none of it: nobody can listen to a board.

/** @typedef {[string, string, string, number]} Row selection id, price, state, changed at (ms) */
/** @typedef {{price: string, state: string, at: number, dir: string, movedAt: number}} Shown */

const NEWS_MS = 10_000;
const ARROW_MS = 60_000;
const FRESH_MS = 15_000;
const AGING_MS = 120_000;

/** @type {Map<string, Shown>} */
const shown = new Map();
/** @type {Map<string, HTMLElement[]>} */
const cells = new Map();
/** @type {Set<string>} */
const pending = new Set();
let scheduled = false;
/** @type {() => void} */
let afterPaint = () => {};

// The server's clock may differ from this one; ages are told by the server's.
const ahead = Date.now() - Number(document.body.dataset.now ?? Date.now());
/** What the server's clock says now, in milliseconds. */
export const serverNow = () => Date.now() - ahead;

/** What is shown for a selection. @param {string} id @returns {Shown | undefined} */
export const get = (id) => shown.get(id);

/** Whether it stands on the page. @param {string} id */
export const has = (id) => cells.has(id);

/** The selections that stand on the page. @returns {string[]} */
export const ids = () => [...cells.keys()];

/** Called after each painting. @param {() => void} listener */
export function onPaint(listener) {
  afterPaint = listener;
}

/** Find the page's cells; again after the page has changed. */
export function index() {
  cells.clear();
  for (const cell of document.querySelectorAll("main .odd[data-s]")) {
    if (!(cell instanceof HTMLElement)) continue;
    const id = cell.dataset.s ?? "";
    const same = cells.get(id);
    if (same) same.push(cell);
    else cells.set(id, [cell]);
    const { p = "", st = "", at = "0" } = cell.dataset;
    const known = shown.get(id);
    if (!known || Number(at) > known.at) note([id, p, st, Number(at)], true);
    else pending.add(id);
  }
  schedule();
}

/** Some selections are now so. @param {Row[]} rows */
export function apply(rows) {
  for (const row of rows) note(row, false);
  schedule();
}

/** These are laid no more; whether that is news. @param {string[]} gone */
export function close(gone) {
  let some = false;
  for (const id of gone) {
    const known = shown.get(id);
    if (known && known.state !== "closed") {
      shown.set(id, { ...known, state: "closed" });
      pending.add(id);
      some = true;
    }
  }
  schedule();
  return some;
}

/** @param {Row} row @param {boolean} first */
function note([id, price, state, at], first) {
  const before = shown.get(id);
  if (before && at < before.at) return;
  let { dir, movedAt } = before ?? { dir: "", movedAt: 0 };
  if (before && !first && before.price !== price) {
    dir = Number(price) > Number(before.price) ? "up" : "down";
    movedAt = Date.now();
  }
  shown.set(id, { price, state, at, dir, movedAt });
  pending.add(id);
}

function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(paint);
}

function paint() {
  scheduled = false;
  for (const id of pending) {
    const one = shown.get(id);
    if (one) for (const cell of cells.get(id) ?? []) write(cell, one);
  }
  pending.clear();
  afterPaint();
}

/** @param {HTMLElement} cell @param {Shown} one */
function write(cell, one) {
  const price = cell.querySelector(".price");
  if (price && price.textContent !== one.price) price.textContent = one.price;
  set(cell, "st", one.state);
  set(cell, "p", one.price);
  const blocked = one.state !== "open";
  // Not `disabled`: the focus of somebody who is on the cell would be lost with it.
  if (blocked) cell.setAttribute("aria-disabled", "true");
  else cell.removeAttribute("aria-disabled");
  mark(cell, one);
}

/** @param {HTMLElement} cell @param {Shown} one */
function mark(cell, one) {
  const since = Date.now() - one.movedAt;
  set(cell, "dir", since < ARROW_MS ? one.dir : "");
  set(cell, "new", since < NEWS_MS ? "1" : "");
  const age = serverNow() - one.at;
  set(cell, "age", age < FRESH_MS ? "fresh" : age < AGING_MS ? "aging" : "old");
}

/** @param {HTMLElement} cell @param {string} name @param {string} value */
function set(cell, name, value) {
  if (value === "") delete cell.dataset[name];
  else if (cell.dataset[name] !== value) cell.dataset[name] = value;
}

/** Let arrows and dots age. */
export function age() {
  for (const [id, found] of cells) {
    const one = shown.get(id);
    if (one) for (const cell of found) mark(cell, one);
  }
}

/** @param {Event} event */
function explain(event) {
  const cell = event.target instanceof Element ? event.target.closest(".odd[data-s]") : null;
  if (!(cell instanceof HTMLElement)) return;
  const one = shown.get(cell.dataset.s ?? "");
  if (!one) return;
  const seconds = Math.max(0, Math.round((serverNow() - one.at) / 1000));
  const moved = one.dir && Date.now() - one.movedAt < ARROW_MS ? `, went ${one.dir}` : "";
  const state = one.state === "open" ? "" : ` (${one.state})`;
  cell.title = `unchanged for ${seconds} s${moved}${state}`;
}

document.addEventListener("pointerover", explain);
document.addEventListener("focusin", explain);
