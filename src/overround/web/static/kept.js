// @ts-check
// The slip as this browser keeps it. A slip belongs to whoever filled it: a guest's goes along when
// he logs in, a player's stays his.

/** @typedef {import("./legs.js").Leg} Leg */
/** @typedef {{legs?: Leg[], tab?: string, stake?: string, policy?: string, system?: {sizes: number[], stake: string, mode: string}}} Kept */

const GUEST = "slip.legs";
const PLAYER = document.body.dataset.player ?? "";
export const STORE = PLAYER ? `${GUEST}.${PLAYER}` : GUEST;

/** What is kept; null where that cannot be read. @returns {Kept | null} */
export function kept() {
  try {
    const guests = PLAYER ? localStorage.getItem(GUEST) : null;
    if (guests) {
      localStorage.setItem(STORE, guests);
      localStorage.removeItem(GUEST);
    }
    return JSON.parse(localStorage.getItem(STORE) ?? "{}");
  } catch {
    return null;
  }
}

/** @param {Kept} slip */
export function keepSlip(slip) {
  localStorage.setItem(STORE, JSON.stringify(slip));
}
