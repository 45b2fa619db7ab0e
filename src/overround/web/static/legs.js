// @ts-check
// The legs of the slip as they stand now: what has become of each since it was chosen.

import * as cells from "./cells.js";

/**
 * @typedef {object} Leg
 * @property {string} id
 * @property {string} event
 * @property {string} name
 * @property {string} side
 * @property {string} market
 * @property {string} shown the price that was shown
 * @property {number} [version] of the offer that was shown, where that is known
 * @property {{version: number, price: string}} [laid] the offer that a refusal named in its place
 * @property {string} stake
 * @property {boolean} [banker]
 * @property {string} [terms]
 * @property {boolean} [eachWay]
 */

/** @param {Leg} leg */
export const now = (leg) => cells.get(leg.id) ?? { price: leg.shown, state: "open" };

/** What a system is made of. @param {Leg[]} legs */
export const systemParts = (legs) =>
  legs.map((leg) => ({ price: now(leg).price, banker: leg.banker === true, terms: leg.terms ?? "" }));

/** Whether two of them are on one event. @param {Leg[]} legs */
export const conflict = (legs) => new Set(legs.map((leg) => leg.event)).size < legs.length;

/** The offer as it stands is what was shown from now on. @param {Leg} leg */
export function accept(leg) {
  const { price } = now(leg);
  if (leg.laid?.price === price) leg.version = leg.laid.version;
  else if (leg.laid || leg.shown !== price) delete leg.version;
  delete leg.laid;
  leg.shown = price;
}

/** What a refusal says of the legs it is about: their prices, offers and place terms of now.
 * @param {Leg[]} legs @param {import("./place.js").Answer} answer */
export function heard(legs, answer) {
  const { prices, offer_versions: versions, place_terms: terms } = answer.body;
  answer.legs.forEach((id, n) => {
    const leg = legs.find((one) => one.id === id);
    const known = cells.get(id);
    if (prices?.[n]) cells.apply([[id, prices[n], known?.state ?? "open", known?.at ?? Date.now()]]);
    if (!leg) return;
    if (Array.isArray(terms)) leg.terms = terms[n] ?? "";
    const version = versions?.[n];
    if (version === undefined || leg.version === undefined || version === leg.version) return;
    leg.laid = { version, price: prices?.[n] ?? leg.shown };
  });
}
