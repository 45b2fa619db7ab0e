// @ts-check
// Bets each way: the stake once on the legs to win and once on them to be placed, at the place terms
// that stand beside the price ("1/4 1-3": a quarter of the winnings, for the first three).

import { e4 } from "./sums.js";

const SCALE = 10000n;

/** @typedef {{price: string, terms: string}} Part */

/** The terms as people write them: "1/4 1-2-3". @param {string} terms */
export function placeTerms(terms) {
  const [share, places] = terms.split(" ");
  const last = Number((places ?? "").split("-")[1]);
  const said = last <= 5 ? Array.from({ length: last }, (_, n) => n + 1).join("-") : `1 to ${last}`;
  return `${share} ${said}`;
}

/** What both parts pay when all legs win, rounded down together. @param {bigint} stake of each part
 * @param {Part[]} parts */
export function eachWayPayout(stake, parts) {
  let win = stake;
  let place = stake;
  let below = 1n;
  for (const { price, terms } of parts) {
    const divisor = BigInt(terms.slice(2, terms.indexOf(" ")));
    win *= e4(price) * divisor;
    place *= e4(price) + (divisor - 1n) * SCALE;
    below *= divisor * SCALE;
  }
  return (win + place) / below;
}

/** The combo's own box; a single's stands on its leg. */
export class EachWay {
  /** @type {HTMLInputElement} */ #box;
  /** @type {HTMLElement} */ #row;
  chosen = false;

  /** @param {() => void} changed */
  constructor(changed) {
    this.#row = /** @type {HTMLElement} */ (document.getElementById("combo-each-way"));
    this.#box = /** @type {HTMLInputElement} */ (this.#row.querySelector("input"));
    this.#box.addEventListener("change", () => {
      this.chosen = this.#box.checked;
      changed();
    });
  }

  /** Whether these legs are asked for each way. @param {string} tab @param {{terms?: string, eachWay?: boolean}[]} legs */
  is(tab, legs) {
    if (tab === "system" || !legs.length || !legs.every((leg) => leg.terms)) return false;
    return tab === "combo" ? this.chosen : legs[0].eachWay === true;
  }

  /** @param {string} tab @param {{terms?: string}[]} legs */
  update(tab, legs) {
    this.#row.hidden = tab !== "combo" || legs.length < 2 || !legs.every((leg) => leg.terms);
    this.#box.checked = this.chosen;
  }
}

/** A leg's box, of a single. @param {HTMLElement} item @param {string} tab
 * @param {{terms?: string, eachWay?: boolean}} leg */
export function showEachWay(item, tab, leg) {
  const row = /** @type {HTMLElement} */ (item.querySelector(".leg-each-way"));
  row.hidden = tab !== "singles" || !leg.terms;
  const said = /** @type {HTMLElement} */ (row.querySelector(".terms"));
  said.textContent = leg.terms ? placeTerms(leg.terms) : "";
  /** @type {HTMLInputElement} */ (row.querySelector("input")).checked = leg.eachWay === true;
}
