"""What runs inside the page: one function that reads it, and an observer that calls it.

The page's own code may have changed anything it likes, so what comes back is judged like a
stranger's bytes (`parse`). Everything is bounded where it is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

# The text is one longer than a name may be, so that what was cut is seen to be too long.
LIMITS: Final = {"events": 2_000, "cells": 40_000, "text": 201}
SETTLE_MS: Final = 20
BINDING: Final = "overroundRead"

# (places) -> the page as plain values: texts as they stand, prices as [text, stopped].
READ: Final = """
(places) => {
  const limit = places.limits;
  const said = (element, place) => {
    if (!element) return "";
    const inner = place.inner ? element.querySelector(place.inner) : element;
    if (!inner) return "";
    const text = place.attribute ? inner.getAttribute(place.attribute) : inner.textContent;
    return (text || "").replace(/\\s+/g, " ").trim().slice(0, limit.text);
  };
  const first = (root, place) => said(place.css ? root.querySelector(place.css) : root, place);
  const shown = (place) =>
    !!place && [...document.querySelectorAll(place.css)].some((e) => e.getClientRects().length);
  const stopped = (cell) => !!places.stopped &&
    (!!cell.closest(places.stopped) || !!cell.querySelector(places.stopped));
  const page = places.page;
  const found = { events: [], cut: false };
  for (const name of ["board", "empty", "logged_out", "closed"]) found[name] = shown(page[name]);
  for (const name of ["clock", "odds_format"])
    found[name] = page[name] ? first(document, page[name]) : "";
  const before = Object.entries(places.fields).filter(([, place]) => place.before);
  const marks = [places.each, ...before.map(([, place]) => place.css)].join(", ");
  const last = {};
  let cells = 0;
  for (const element of document.querySelectorAll(marks)) {
    for (const [name, place] of before)
      if (element.matches(place.css)) last[name] = said(element, place);
    if (!element.matches(places.each)) continue;
    if (found.events.length === limit.events || cells > limit.cells) { found.cut = true; break; }
    const event = { groups: [] };
    for (const [name, place] of Object.entries(places.fields))
      event[name] = place.before ? last[name] || "" : first(element, place);
    places.markets.forEach((market, index) => {
      const groups = market.each === "." ? [element] : element.querySelectorAll(market.each);
      for (const group of groups) {
        if (market.title && !market.titles.includes(first(group, market.title))) continue;
        const lists = {};
        for (const [name, place] of Object.entries(market.lists)) {
          const all = place.css ? [...group.querySelectorAll(place.css)] : [group];
          cells += all.length;
          if (cells > limit.cells) { found.cut = true; return; }
          lists[name] = all.map((cell) => [said(cell, place), stopped(cell)]);
        }
        event.groups.push([index, lists]);
      }
    });
    found.events.push(event);
  }
  return found;
}
"""

# From now on the binding gets the page whenever it has changed: SETTLE ms later, for what changes
# together comes in several pieces, and at most once in PAUSE ms. What throws in the page is told as
# the text it threw.
_OBSERVE: Final = """
(() => {
  if (window !== window.top) return;
  const read = READ;
  const places = PLACES;
  let waiting = false, said = 0;
  const say = () => {
    waiting = false;
    said = performance.now();
    let found;
    try { found = read(places); } catch (error) { found = { failed: String(error).slice(0, 200) }; }
    window.BINDING(found);
  };
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    setTimeout(say, Math.max(SETTLE, said + PAUSE - performance.now()));
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
})()
"""


def observer(places: Mapping[str, Any], pause_ms: int) -> str:
    """The script that every document of a window begins with."""
    written = _OBSERVE.replace("READ", READ.strip()).replace("BINDING", BINDING)
    written = written.replace("PAUSE", str(pause_ms)).replace("SETTLE", str(SETTLE_MS))
    return written.replace("PLACES", json.dumps(places))
