// @ts-check
// When a price changes: what the player takes without being asked. "none" takes the very offer that
// was shown, so its version goes along; "higher:200" a price that is up to 2 % lower, too.

import { now } from "./legs.js";
import { write } from "./parts.js";
import { e4 } from "./sums.js";

/** @typedef {import("./legs.js").Leg} Leg */

const USUAL = "higher";
const WHOLE_BPS = 10_000n;

export class Policy {
  #chosen = USUAL;
  /** @type {HTMLSelectElement} */ #select;

  /** @param {() => void} changed */
  constructor(changed) {
    this.#select = /** @type {HTMLSelectElement} */ (document.getElementById("policy"));
    this.#select.addEventListener("change", () => {
      this.#chosen = this.#select.value;
      changed();
    });
  }

  /** What is kept of it. */
  kept() {
    return this.#chosen;
  }

  /** @param {string | undefined} kept */
  load(kept) {
    const known = [...this.#select.options].some((one) => one.value === kept);
    this.#chosen = known && kept ? kept : USUAL;
  }

  update() {
    write(this.#select, this.#chosen);
  }

  /** Whether nothing is taken but the offer that was shown. */
  isStrict() {
    return this.#chosen === "none";
  }

  /** Whether the leg has gone where the player wants to be asked. @param {Leg} leg */
  asks(leg) {
    if (this.#chosen === "any") return false;
    const [price, before] = [e4(now(leg).price), e4(leg.shown)];
    if (this.isStrict()) return price !== before || leg.laid !== undefined;
    return price * WHOLE_BPS < before * (WHOLE_BPS - BigInt(this.#tolerance()));
  }

  /** What the API is asked for besides. */
  body() {
    const [policy] = this.#chosen.split(":");
    const tolerance = this.#tolerance();
    return { odds_policy: policy, ...(tolerance ? { tolerance_bps: tolerance } : {}) };
  }

  #tolerance() {
    return Number(this.#chosen.split(":")[1] ?? 0);
  }
}
