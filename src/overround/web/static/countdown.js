// @ts-check
// How long until a match begins, beside its time. A clock's time says little where everything
// begins within minutes.

import { serverNow } from "./cells.js";

/** Write what is left now; whoever calls goes on calling. */
export function count() {
  for (const place of document.querySelectorAll(".until")) {
    if (!(place instanceof HTMLElement)) continue;
    const seconds = Math.ceil((Number(place.dataset.at) - serverNow()) / 1000);
    const said = seconds > 0 ? left(seconds) : (place.dataset.now ?? "starts now");
    if (place.textContent === said) continue;
    place.textContent = said;
    place.toggleAttribute("data-soon", said !== "" && !said.endsWith("min"));
  }
}

/** @param {number} seconds */
function left(seconds) {
  if (seconds >= 3600) return "";
  if (seconds >= 60) return `in ${Math.floor(seconds / 60)} min`;
  return `in ${seconds} s`;
}
