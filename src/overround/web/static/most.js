// @ts-check
// How much may be staked: the most that the house takes of the slip as it is, asked for when the
// player wants to know, and what it takes of a stake that it refused, which one press bets.

import { minor, shown } from "./sums.js";

const CURRENCY = document.body.dataset.currency ?? "";

/** Why a minor unit more would be refused. @type {Record<string, string>} */
const LIMITS = {
  insufficient_funds: "your balance",
  payout_above_max: "the largest payout",
  player_limit: "what one player may win",
  stake_above_max: "what the house takes here",
};

/** @typedef {import("./place.js").Answer} Answer */
/** @typedef {import("./place.js").Asked} Asked */
/**
 * @typedef {object} Ears
 * @property {() => {body: Record<string, any>, legs: string[]} | null} whole what would be placed, without its stake
 * @property {(legs: string[], stake: string) => void} take stakes so much on those legs
 * @property {(asked: Asked, stake: string) => void} bet asks for the same bet again, for so much or less
 */

export class Most {
  /** @type {HTMLButtonElement} */ #ask;
  /** @type {HTMLButtonElement} */ #instead;
  /** @type {HTMLElement} */ #note;
  /** @type {{asked: Asked, stake: string} | null} */ #offered = null;
  /** @type {Ears} */ #ears;
  #decimals;

  /** @param {number} decimals @param {Ears} ears */
  constructor(decimals, ears) {
    this.#decimals = decimals;
    this.#ears = ears;
    this.#ask = /** @type {HTMLButtonElement} */ (document.getElementById("slip-most"));
    this.#instead = /** @type {HTMLButtonElement} */ (document.getElementById("slip-instead"));
    this.#note = /** @type {HTMLElement} */ (document.getElementById("slip-most-note"));
    this.#ask?.addEventListener("click", () => void this.#quote());
    this.#instead?.addEventListener("click", () => {
      const offered = this.#offered;
      this.forget();
      if (offered) this.#ears.bet(offered.asked, offered.stake);
    });
  }

  /** Show what holds for the slip. */
  update() {
    if (this.#ask) this.#ask.hidden = this.#ears.whole() === null;
  }

  /** What was said is of a slip that has changed since. */
  forget() {
    this.#offered = null;
    if (this.#instead) this.#instead.hidden = true;
    if (this.#note) this.#note.textContent = "";
  }

  /** What shows the offer of a refusal that names a smaller stake than the one it refused; null for
   * any other. A free bet is staked whole or not at all.
   * @param {Asked} asked @param {Answer} answer */
  offered(asked, answer) {
    const body = JSON.parse(asked.body);
    const stake = answer.body.stake_max;
    const worth = typeof stake === "string" ? minor(stake, this.#decimals) : null;
    if (!this.#instead || !worth || body.free_bet_id) return null;
    if (worth >= (minor(body.stake, this.#decimals) ?? 0n)) return null;
    return () => {
      this.#offered = { asked, stake };
      this.#instead.textContent = `Bet ${shown(worth, this.#decimals)} ${CURRENCY}${each(body)} instead`;
      this.#instead.hidden = false;
    };
  }

  async #quote() {
    const asked = this.#ears.whole();
    if (!asked) return;
    this.forget();
    this.#ask.setAttribute("aria-busy", "true");
    const said = await quote(asked.body);
    this.#ask.removeAttribute("aria-busy");
    if (said?.stake_max) {
      this.#ears.take(asked.legs, said.stake_max);
      const worth = shown(minor(said.stake_max, this.#decimals) ?? 0n, this.#decimals);
      const why = LIMITS[said.limited_by];
      this.#note.textContent = `${worth} ${CURRENCY}${each(asked.body)} is the most now${why ? `, by ${why}` : ""}.`;
    } else {
      this.#note.textContent = said?.refusals?.[0]?.detail ?? "There is no answer now.";
    }
  }
}

/** What a stake is of: "" for the whole slip. @param {Record<string, any>} body */
const each = (body) => (body.stake_mode === "unit" ? " a line" : "");

/** @param {Record<string, any>} body @returns {Promise<any>} */
async function quote(body) {
  try {
    const response = await fetch("/api/v1/bets/quote", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
