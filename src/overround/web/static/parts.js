// @ts-check
// The places of the slip that are written to.

import * as cells from "./cells.js";

/** @param {Element} item @param {string} selector @returns {HTMLElement} */
export function part(item, selector) {
  return /** @type {HTMLElement} */ (item.querySelector(selector));
}

/** @param {HTMLElement} row @param {string} text */
export function sum(row, text) {
  part(row, "dd").textContent = text;
}

/** Not while somebody types into it. @param {HTMLElement} input @param {string} value */
export function write(input, value) {
  const field = /** @type {HTMLInputElement} */ (input);
  if (field !== document.activeElement && field.value !== value) field.value = value;
}

/** @param {HTMLElement} item @param {import("./legs.js").Leg} leg */
export function fill(item, leg) {
  part(item, ".leg-side").textContent = leg.side;
  part(item, ".leg-market").textContent = leg.market;
  const link = /** @type {HTMLAnchorElement} */ (part(item, ".leg-event"));
  link.textContent = leg.name;
  link.href = `/events/${leg.event}`;
  part(item, ".remove .hidden").textContent = `Remove ${leg.side}`;
  part(item, ".leg-stake .hidden").textContent = `Stake on ${leg.side}`;
  part(item, ".leg-each-way .hidden").textContent = `${leg.side}: `;
  part(item, ".leg-banker .hidden").textContent = `${leg.side}: `;
}

/** The leg that a cell of the page stands for. The version on the page is of the offer that stood
 * there when the page was made. @param {HTMLElement} cell @returns {import("./legs.js").Leg} */
export function chosen(cell) {
  const { s = "", v = "", at = "" } = cell.dataset;
  const isSame = v !== "" && Number(at) === cells.get(s)?.at;
  const place = /** @type {HTMLElement | null} */ (cell.closest("[data-e]"));
  return {
    id: s,
    event: place?.dataset.e ?? "",
    name: place?.dataset.n ?? "",
    side: cell.dataset.l ?? "",
    market: cell.dataset.m ?? "",
    shown: cell.dataset.p ?? "",
    ...(isSame ? { version: Number(v) } : {}),
    stake: "",
    terms: cell.dataset.w ?? "",
  };
}
