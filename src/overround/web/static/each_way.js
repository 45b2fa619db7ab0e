// @ts-check
// Bets each way: the stake once on the legs to win and once on them to be placed, at the place terms
// that stand beside the price ("1/4 1-3": a quarter of the winnings, for the first three).

import { e4, returned, SCALE, systemReturn } from "./sums.js";

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
  const legs = parts.map((part) => ({ ...part, banker: false }));
  return eachWaySystem(stake, legs, [parts.length]);
}

/** The same of a system, whose stake all lines of a part share. @param {bigint} stake of each part
 * @param {(Part & {banker: boolean})[]} parts @param {number[]} sizes */
export function eachWaySystem(stake, parts, sizes) {
  const [win, place] = [won, placed].map((returns) =>
    systemReturn(stake, parts.map((part) => ({ returns: returns(part), banker: part.banker })), sizes),
  );
  return (win[0] * place[1] + place[0] * win[1]) / (win[1] * place[1]);
}

/** What a unit on the leg to win returns. @param {Part} part @returns {import("./sums.js").Ratio} */
const won = ({ price }) => returned(price);

/** What a unit on the leg to be placed returns. @param {Part} part @returns {import("./sums.js").Ratio} */
function placed({ price, terms }) {
  const divisor = BigInt(terms.slice(2, terms.indexOf(" ")));
  return [e4(price) + (divisor - 1n) * SCALE, divisor * SCALE];
}

/** The box of a combo and of a system; a single's stands on its leg. */
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
    if (!legs.length || !legs.every((leg) => leg.terms)) return false;
    return tab === "singles" ? legs[0].eachWay === true : this.chosen;
  }

  /** @param {string} tab @param {{terms?: string}[]} legs */
  update(tab, legs) {
    this.#row.hidden = tab === "singles" || legs.length < 2 || !legs.every((leg) => leg.terms);
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
