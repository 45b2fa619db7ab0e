// @ts-check
// Free bets on the slip: whoever has one may stake it in place of his money, wholly, on one bet. One
// that a slip waits with is not offered again.

import { minor, shown } from "./sums.js";

/** @typedef {{id: string, state: string, amount: string, currency: string, stake_returned: boolean, expires_at: string}} FreeBet */

export class Free {
  /** @type {FreeBet[]} */ #items = [];
  #chosen = "";
  #decimals;
  /** @type {HTMLSelectElement | null} */ #select;
  /** @type {HTMLElement | null} */ #row;

  /** @param {number} decimals @param {(amount: string) => void} take stakes so much */
  constructor(decimals, take) {
    this.#decimals = decimals;
    this.#row = document.getElementById("slip-free");
    this.#select = /** @type {HTMLSelectElement | null} */ (document.getElementById("free-bet"));
    this.#select?.addEventListener("change", () => {
      this.#chosen = this.#select?.value ?? "";
      take(this.#now()?.amount ?? "");
    });
  }

  /** Ask what there is; a player has them, a guest and staff have none. @param {() => void} done */
  async load(done) {
    if (!this.#select) return;
    try {
      const [free, waiting] = await Promise.all(["/api/v1/free-bets", "/api/v1/slips?status=open"].map(items));
      const taken = new Set(waiting.map((slip) => slip.free_bet_id));
      this.#items = free.filter(
        (one) => one.state === "granted" && Date.parse(one.expires_at) > Date.now() && !taken.has(one.id),
      );
    } catch {
      return;
    }
    const money = new Option("My balance", "");
    const options = this.#items.map((one) => {
      const amount = shown(minor(one.amount, this.#decimals) ?? 0n, this.#decimals);
      const until = new Date(one.expires_at).toLocaleDateString(undefined, { day: "numeric", month: "short" });
      return new Option(`Free bet ${amount} ${one.currency}, until ${until}`, one.id);
    });
    this.#select.replaceChildren(money, ...options);
    if (!this.#now()) this.#chosen = "";
    this.#select.value = this.#chosen;
    done();
  }

  #now() {
    return this.#items.find((one) => one.id === this.#chosen);
  }

  /** Another stake than its own, or several bets, are not for a free bet.
   * @param {boolean} isOne whether the slip is one bet @param {bigint} total its stake */
  update(isOne, total) {
    const chosen = this.#now();
    if (chosen && (!isOne || minor(chosen.amount, this.#decimals) !== total)) this.#chosen = "";
    if (!this.#row || !this.#select) return;
    this.#row.hidden = !isOne || !this.#items.length;
    if (this.#select.value !== this.#chosen) this.#select.value = this.#chosen;
  }

  /** What of a payout is not the player's. */
  kept() {
    const chosen = this.#now();
    return chosen && !chosen.stake_returned ? (minor(chosen.amount, this.#decimals) ?? 0n) : 0n;
  }

  /** What the API is asked for besides. */
  body() {
    return this.#now() ? { free_bet_id: this.#chosen } : {};
  }
}

/** The items of a list of the API's. @param {string} address @returns {Promise<any[]>} */
async function items(address) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(8000) });
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).items;
}
