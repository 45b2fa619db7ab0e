// @ts-check
// The items of the slip, one for each leg: made when it is chosen, written when something moves.

import { showEachWay } from "./each_way.js";
import { now } from "./legs.js";
import { fill, part, write } from "./parts.js";
import { minor } from "./sums.js";

/** @typedef {import("./legs.js").Leg} Leg */
/**
 * @typedef {object} Ears
 * @property {(id: string) => Leg | undefined} leg the leg of an item
 * @property {() => void} changed something was typed or ticked
 * @property {(id: string) => void} remove
 */

const STATES = /** @type {Record<string, string>} */ ({ open: "", closed: "Closed" });

export class Items {
  /** @type {Map<string, HTMLElement>} */ #items = new Map();
  /** @type {HTMLElement} */ #list;
  /** @type {HTMLTemplateElement} */ #template;
  /** @type {Ears} */ #ears;
  #decimals;

  /** @param {number} decimals @param {Ears} ears */
  constructor(decimals, ears) {
    this.#decimals = decimals;
    this.#ears = ears;
    this.#list = /** @type {HTMLElement} */ (document.getElementById("slip-legs"));
    this.#template = /** @type {HTMLTemplateElement} */ (document.getElementById("leg-template"));
  }

  /** The legs are others than before. @param {Leg[]} legs */
  build(legs) {
    for (const leg of legs) if (!this.#items.has(leg.id)) this.#items.set(leg.id, this.#make(leg));
    const ids = new Set(legs.map((leg) => leg.id));
    for (const id of this.#items.keys()) if (!ids.has(id)) this.#items.delete(id);
    this.#list.replaceChildren(...legs.map((leg) => /** @type {HTMLElement} */ (this.#items.get(leg.id))));
  }

  /** @param {Leg} leg */
  #make(leg) {
    const item = /** @type {HTMLElement} */ (this.#template.content.firstElementChild?.cloneNode(true));
    fill(item, leg);
    part(item, ".remove").addEventListener("click", () => this.#ears.remove(leg.id));
    this.#take(item, leg.id, ".stake", "input", (own, input) => (own.stake = input.value));
    this.#take(item, leg.id, ".banker", "change", (own, input) => (own.banker = input.checked));
    this.#take(item, leg.id, ".each-way", "change", (own, input) => (own.eachWay = input.checked));
    return item;
  }

  /** The legs may be read anew meanwhile: what is said is of whichever has the id then.
   * @param {HTMLElement} item @param {string} id @param {string} selector @param {"input" | "change"} what
   * @param {(own: Leg, input: HTMLInputElement) => void} set */
  #take(item, id, selector, what, set) {
    const input = /** @type {HTMLInputElement} */ (part(item, selector));
    input.addEventListener(what, () => {
      const own = this.#ears.leg(id);
      if (own) set(own, input);
      this.#ears.changed();
    });
  }

  /** Write how the leg stands. @param {Leg} leg @param {string} tab @param {string} returns what a single pays */
  update(leg, tab, returns) {
    const item = this.#items.get(leg.id);
    if (!item) return;
    const { price, state } = now(leg);
    const moved = price !== leg.shown;
    const old = part(item, ".leg-old");
    old.hidden = !moved;
    old.textContent = leg.shown;
    part(item, ".leg-now").textContent = price;
    item.dataset.change = moved ? (Number(price) > Number(leg.shown) ? "up" : "down") : "";
    const said = part(item, ".leg-state");
    said.hidden = state === "open";
    said.textContent = STATES[state] ?? "Suspended";
    part(item, ".leg-stake").hidden = tab !== "singles";
    part(item, ".leg-banker").hidden = tab !== "system";
    /** @type {HTMLInputElement} */ (part(item, ".banker")).checked = leg.banker === true;
    const input = part(item, ".stake");
    write(input, leg.stake);
    input.setAttribute("aria-invalid", String(leg.stake !== "" && minor(leg.stake, this.#decimals) === null));
    const pays = part(item, ".leg-return");
    pays.hidden = tab !== "singles";
    pays.textContent = returns;
    showEachWay(item, tab, leg);
  }
}
