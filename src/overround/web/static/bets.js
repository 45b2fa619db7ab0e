// @ts-check
// The bets that the slip stands for: as the API is asked for them, and why it is not asked yet.

import { conflict, now, systemParts } from "./legs.js";
import { keep } from "./place.js";
import { minor, plain } from "./sums.js";

/** @typedef {import("./legs.js").Leg} Leg */
/** @typedef {{legs: Leg[], tab: string, stake: string}} Filled the slip as it is filled in */
/**
 * @typedef {object} Parts
 * @property {import("./system.js").System} system
 * @property {import("./each_way.js").EachWay} each
 * @property {import("./free.js").Free} free
 * @property {import("./policy.js").Policy} policy
 */

export class Bets {
  /** @type {Parts} */ #parts;
  #decimals;

  /** @param {number} decimals @param {Parts} parts */
  constructor(decimals, parts) {
    this.#decimals = decimals;
    this.#parts = parts;
  }

  /** Why the slip cannot be placed as it is; "" when it can. @param {Filled} slip */
  reason({ legs, tab, stake }) {
    const { system, policy } = this.#parts;
    const joint = tab !== "singles";
    const blocked = legs.find((leg) => now(leg).state !== "open");
    const playing = joint ? legs : legs.filter((leg) => leg.stake !== "");
    if (tab === "combo" && legs.length < 2) return "A combo has at least two selections.";
    if (joint && conflict(legs)) return "Two legs are on the same event.";
    if (blocked && (joint || playing.includes(blocked))) {
      return `${blocked.side} takes no bets now. Wait for it, or remove it.`;
    }
    const lacks = tab === "system" ? system.reason(systemParts(legs)) : "";
    if (lacks) return lacks;
    const stakes = tab === "system" ? [system.stake] : joint ? [stake] : playing.map((leg) => leg.stake);
    if (!stakes.length || stakes.includes("")) return "Type a stake first.";
    if (stakes.some((one) => !minor(one, this.#decimals))) {
      const decimals = this.#decimals;
      return `A stake is an amount above zero${decimals ? ` with at most ${decimals} decimals` : ", without decimals"}.`;
    }
    if (!playing.some((leg) => policy.asks(leg))) return "";
    return playing.some((leg) => now(leg).price !== leg.shown)
      ? "A price has changed: accept it first."
      : "An offer was laid anew: accept it first.";
  }

  /** The whole slip as one bet without its stake; null where it is none. @param {Filled} slip */
  whole({ legs, tab }) {
    const one = legs.length === 1 || (tab !== "singles" && !conflict(legs));
    if (!legs.length || !one) return null;
    return { body: this.#body(legs, tab), legs: legs.map((leg) => leg.id) };
  }

  /** What is asked for, kept until it is answered. @param {Filled} slip */
  asked({ legs, tab, stake }) {
    if (tab === "system") return [this.#keep(legs, tab, this.#parts.system.stake)];
    if (tab === "combo") return [this.#keep(legs, tab, stake)];
    return legs.filter((leg) => leg.stake !== "").map((leg) => this.#keep([leg], tab, leg.stake));
  }

  /** @param {Leg[]} legs @param {string} tab @param {string} typed */
  #keep(legs, tab, typed) {
    const stake = plain(minor(typed, this.#decimals) ?? 0n, this.#decimals);
    return keep({ ...this.#body(legs, tab), stake, ...this.#parts.free.body() }, legs.map((leg) => leg.id));
  }

  /** One bet as the API is asked for it, without its stake. @param {Leg[]} legs @param {string} tab */
  #body(legs, tab) {
    const { system, each, policy } = this.#parts;
    const eachWay = each.is(tab, legs);
    /** @type {Record<string, any>} */
    const body = { legs: legs.map((leg) => line(leg, tab, eachWay)), ...policy.body() };
    if (eachWay) body.each_way = true;
    if (tab === "system") Object.assign(body, system.body(systemParts(legs)));
    return body;
  }
}

/** A leg as the API is asked for it. @param {Leg} leg @param {string} tab @param {boolean} eachWay */
function line(leg, tab, eachWay) {
  return {
    selection_id: leg.id,
    price: leg.shown,
    banker: tab === "system" && leg.banker === true,
    ...(leg.version === undefined ? {} : { offer_version: leg.version }),
    ...(eachWay ? { place_terms: leg.terms } : {}),
  };
}
