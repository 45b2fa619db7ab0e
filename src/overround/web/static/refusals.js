// @ts-check
// What became of a slip that was not placed, and what to do about it.

/** @typedef {import("./place.js").Answer} Answer */

const CURRENCY = document.body.dataset.currency ?? "";

/** What to do about a refusal; the API's own words say what it is. @type {Record<string, string>} */
const ADVICE = {
  price_changed: "Accept the new price, or remove the selection.",
  market_suspended: "Wait for it to open again, or remove it.",
  market_closed: "Remove it.",
  event_started: "Remove it.",
  score_changed: "Look at the new prices.",
  line_passed: "Remove it.",
  feed_stale: "Wait for newer ones, or remove it.",
  unknown_selection: "Remove it.",
  legs_conflict: "Remove one of them, or play singles.",
  insufficient_funds: "Make a deposit, or lower the stake.",
  stake_below_min: "Raise the stake.",
  payout_above_max: "Lower the stake.",
  stake_above_max: "Lower the stake.",
  no_place_terms: "Place it to win alone.",
  place_terms_changed: "Look at them again before you place it.",
  market_changed: "Accept the new offer, or remove the selection.",
  too_few_legs: "Add a selection.",
  too_many_legs: "Remove a selection.",
  account_blocked: "Please ask the house.",
  tenant_suspended: "Try again later.",
};

/** In words. @param {Answer | null} answer @param {string} [side] the leg it is about @returns {string} */
export function said(answer, side) {
  if (!answer) {
    return "There is no answer yet. It is asked again when the page is opened, and can become one bet only.";
  }
  if (answer.status === 401) return "You are logged out. Log in to place this bet.";
  const { code, detail } = answer.body;
  return `${side ? `${side}: ` : ""}${detail} ${bounds(answer.body)}${ADVICE[code] ?? ""}`;
}

/** @param {Record<string, string>} body */
function bounds(body) {
  const bound = body.stake_min ?? body.payout_max ?? body.stake_max;
  if (bound) return `It is ${bound} ${CURRENCY}. `;
  const legs = body.legs_min ?? body.legs_max;
  if (legs) return `${body.legs_min ? "At least" : "At most"} ${legs}. `;
  const { price_min, price_max } = body;
  if (!price_min && !price_max) return "";
  return `It takes ${[price_min && `from ${price_min}`, price_max && `up to ${price_max}`].filter(Boolean).join(" ")}. `;
}
