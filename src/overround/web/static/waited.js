// @ts-check
// A slip that has to stand a delay: how long still, and what became of it, where it was placed.

import { serverNow } from "./cells.js";

const ASK_MS = 500;
// A house whose placers are all down answers later; the page of bets says it then.
const GIVE_UP_MS = 60_000;

/** At which prices a bet was taken, what of its stake, and what it may pay. @param {Record<string, any>} bet */
export function taken({ kind, prices, stake, potential_payout, currency }) {
  const at = prices.join(kind === "system" ? ", " : " × ");
  return `Placed at ${at}; ${stake} ${currency} pays up to ${potential_payout} ${currency}. `;
}

/**
 * @param {Record<string, any>} slip what was answered 202
 * @param {(text: string, state: "waits" | "placed" | "refused") => void} tell
 */
export function follow(slip, tell) {
  const due = Date.parse(slip.due_at);
  const timer = setInterval(() => {
    const seconds = Math.ceil((due - serverNow()) / 1000);
    if (seconds > 0) tell(`Placed in ${seconds} s, if price and score allow it then. `, "waits");
    else if (serverNow() - due > GIVE_UP_MS) clearInterval(timer);
    else void look();
  }, ASK_MS);
  let asking = false;

  async function look() {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(slip.status_url, { signal: AbortSignal.timeout(5000) });
      const now = answer.ok ? await answer.json() : null;
      if (!now || ["waiting", "offered"].includes(now.status)) return;
      clearInterval(timer);
      if (now.status === "accepted") tell(taken(now), "placed");
      else tell(`Not placed. ${now.refusal?.detail ?? ""} `, "refused");
    } catch {
      // Nobody answers: the next turn asks again.
    } finally {
      asking = false;
    }
  }
}
