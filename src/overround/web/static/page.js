// @ts-check
// What a page of the bettor runs: prices that move, a slip, and regions that are kept up to date.

import "./nav.js";
import * as cells from "./cells.js";
import { count } from "./countdown.js";
import { Live } from "./live.js";
import { interval_ms, refresh } from "./refresh.js";
import { Slip } from "./slip.js";

const REFRESH_SOON_MS = 150;
const REFRESH_CLOSED_MS = 2_000;
const WORDS = {
  live: "Live prices",
  polling: "Prices every 5 s",
  stale: "Prices may be old",
  off: "",
};

const { topics: pageTopics = "", player } = document.body.dataset;
const panel = document.getElementById("slip");
const slip = panel ? new Slip(panel, () => live.retune(), soon) : null;

let asked = 0;
/** Refresh in a moment, once for all that happen meanwhile. */
function soon() {
  clearTimeout(asked);
  asked = setTimeout(() => void refresh(reindexed), REFRESH_SOON_MS);
}

let closing = 0;
/** What is closed goes from the page, but who reads sees first that it has closed; and not all
 * pages ask at once. */
function tidy() {
  closing ||= setTimeout(() => {
    closing = 0;
    soon();
  }, REFRESH_CLOSED_MS * (0.5 + Math.random()));
}

function reindexed() {
  cells.index();
  count();
  slip?.press();
}

/** @param {import("./live.js").State} state */
function badge(state) {
  const live = document.getElementById("live");
  const text = live?.querySelector(".text");
  if (!live || !text || live.dataset.state === state) return;
  live.dataset.state = state;
  text.textContent = WORDS[state];
}

function topics() {
  const found = new Set(pageTopics.split(",").filter(Boolean));
  if (player) found.add("account");
  const here = new Set(cells.ids());
  for (const leg of slip?.legs ?? []) if (!here.has(leg.id)) found.add(`event:${leg.event}`);
  return [...found];
}

const ids = () => [...new Set([...cells.ids(), ...(slip?.legs ?? []).map((leg) => leg.id)])];

const live = new Live({
  topics,
  ids,
  offers(rows, whole) {
    cells.apply(rows);
    if (rows.some(([id, , state]) => state === "closed" && cells.has(id))) tidy();
    if (!whole) return;
    // What a whole picture does not show may be closed or just not part of it: ask.
    const there = new Set(rows.map((row) => row[0]));
    void live.ask(ids().filter((id) => !there.has(id)));
    soon();
  },
  closed(gone) {
    if (cells.close(gone)) tidy();
    slip?.close(gone);
  },
  hint: soon,
  state: badge,
});

cells.index();
count();
cells.onPaint(() => slip?.update());
slip?.start();
live.start();
setInterval(() => {
  if (document.hidden) return;
  cells.age();
  count();
}, 1000);
const every_ms = interval_ms();
if (every_ms) setInterval(() => document.hidden || soon(), every_ms);
// Everything that this page runs has arrived (loaded.js).
document.documentElement.dataset.loaded = "true";
