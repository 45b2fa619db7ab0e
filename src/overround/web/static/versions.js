// @ts-check
// Which offer a leg was shown. Its version stands on the page beside the price; of a price that came
// by the stream the event's markets say it, asked once for each price that was shown.

import { e4 } from "./sums.js";

/** @typedef {import("./legs.js").Leg} Leg */

/** @type {Set<string>} */
const asked = new Set();

/** @param {Leg} leg */
const key = (leg) => `${leg.id} ${leg.shown}`;

/** Learn the versions that the legs lack. @param {() => Leg[]} legs @param {() => void} learnt */
export async function learn(legs, learnt) {
  const lacking = legs().filter((leg) => leg.version === undefined && !asked.has(key(leg)));
  for (const leg of lacking) asked.add(key(leg));
  await Promise.all([...new Set(lacking.map((leg) => leg.event))].map((event) => look(event, legs)));
  if (lacking.length) learnt();
}

/** @param {string} event @param {() => Leg[]} legs */
async function look(event, legs) {
  try {
    const answer = await fetch(`/api/v1/events/${event}/markets`, { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) return;
    /** @type {{selections: {selection_id: string, price: string, version: number}[]}[]} */
    const markets = (await answer.json()).markets;
    const laid = new Map(markets.flatMap((market) => market.selections).map((one) => [one.selection_id, one]));
    for (const leg of legs()) {
      const one = laid.get(leg.id);
      // Another price is another offer than the one that was shown.
      if (!one || leg.version !== undefined || e4(one.price) !== e4(leg.shown)) continue;
      leg.version = one.version;
      asked.delete(key(leg));
    }
  } catch {
    // Without a version the price alone is compared.
  }
}
