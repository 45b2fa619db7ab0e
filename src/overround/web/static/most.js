// @ts-check
// How much may be staked: the most that the house takes of the slip as it is, asked for when the
// player wants to know, and the stake that a refusal names in place of the one it refused.

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
/** @typedef {{body: Record<string, any>, legs: string[]}} Asked what would be placed, without its stake */

export class Most {
  /** @type {HTMLButtonElement} */ #ask;
  /** @type {HTMLButtonElement} */ #instead;
  /** @type {HTMLElement} */ #note;
  /** @type {{legs: string[], stake: string} | null} */ #offered = null;
  /** @type {() => Asked | null} */ #asked;
  /** @type {(legs: string[], stake: string) => void} */ #take;
  #decimals;

  /**
   * @param {number} decimals @param {() => Asked | null} asked
   * @param {(legs: string[], stake: string) => void} take stakes so much on those legs
   */
  constructor(decimals, asked, take) {
    this.#decimals = decimals;
    this.#asked = asked;
    this.#take = take;
    this.#ask = /** @type {HTMLButtonElement} */ (document.getElementById("slip-most"));
    this.#instead = /** @type {HTMLButtonElement} */ (document.getElementById("slip-instead"));
    this.#note = /** @type {HTMLElement} */ (document.getElementById("slip-most-note"));
    this.#ask?.addEventListener("click", () => void this.#quote());
    this.#instead?.addEventListener("click", () => {
      const offered = this.#offered;
      this.forget();
      if (offered) this.#take(offered.legs, offered.stake);
    });
  }

  /** Show what holds for the slip. */
  update() {
    if (this.#ask) this.#ask.hidden = this.#asked() === null;
  }

  /** What was said is of a slip that has changed since. */
  forget() {
    this.#offered = null;
    if (this.#instead) this.#instead.hidden = true;
    if (this.#note) this.#note.textContent = "";
  }

  /** A refusal that names a stake offers it, a line's where that is what was asked.
   * @param {Answer} answer */
  refused(answer) {
    const stake = answer.body.stake_max;
    const worth = typeof stake === "string" ? minor(stake, this.#decimals) : null;
    if (!this.#instead || !worth) return;
    this.#offered = { legs: answer.legs, stake };
    this.#instead.textContent = `Stake ${shown(worth, this.#decimals)} ${CURRENCY}${this.#each()} instead`;
    this.#instead.hidden = false;
  }

  /** What a stake is of: "" for the whole slip. */
  #each() {
    return this.#asked()?.body.stake_mode === "unit" ? " a line" : "";
  }

  async #quote() {
    const asked = this.#asked();
    if (!asked) return;
    this.forget();
    this.#ask.setAttribute("aria-busy", "true");
    const said = await quote(asked.body);
    this.#ask.removeAttribute("aria-busy");
    if (said?.stake_max) {
      this.#take(asked.legs, said.stake_max);
      const worth = shown(minor(said.stake_max, this.#decimals) ?? 0n, this.#decimals);
      const why = LIMITS[said.limited_by];
      this.#note.textContent = `${worth} ${CURRENCY}${this.#each()} is the most now${why ? `, by ${why}` : ""}.`;
    } else {
      this.#note.textContent = said?.refusals?.[0]?.detail ?? "There is no answer now.";
    }
  }
}

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
