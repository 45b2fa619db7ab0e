// @ts-check
// The slip: what is chosen, at the price that was shown, and what has become of that price since.

import * as cells from "./cells.js";
import { EachWay, eachWayPayout, showEachWay } from "./each_way.js";
import { Free } from "./free.js";
import { keepSlip, kept, STORE } from "./kept.js";
import { Most } from "./most.js";
import { placed, problem, say } from "./notes.js";
import { ask, keep, unanswered } from "./place.js";
import { chosen, fill, part, sum, write } from "./parts.js";
import { said } from "./refusals.js";
import { minor, payout, plain, shown, totalOdds } from "./sums.js";
import { System } from "./system.js";
import * as tabs from "./tabs.js";

/** @typedef {{id: string, event: string, name: string, side: string, market: string, shown: string, stake: string, banker?: boolean, terms?: string, eachWay?: boolean}} Leg */
/** @typedef {import("./place.js").Answer} Answer */

const PLAYER = document.body.dataset.player ?? "";
const LEGS_MAX = 20;
const CURRENCY = document.body.dataset.currency ?? "";
const DECIMALS = Number(document.body.dataset.decimals ?? 2);

export class Slip {
  /** @type {Leg[]} */ legs = [];
  /** @type {Map<string, HTMLElement>} */ #items = new Map();
  /** @type {HTMLElement} */ #panel;
  #tab = "singles";
  #stake = "";
  #policy = "higher";
  #busy = false;
  /** @type {System} */ #system;
  /** @type {Most} */ #most;
  /** @type {Free} */ #free;
  /** @type {EachWay} */ #each;
  /** @type {() => void} */ #retune;
  /** @type {() => void} */ #refresh;

  /** @param {HTMLElement} panel @param {() => void} retune @param {() => void} refresh */
  constructor(panel, retune, refresh) {
    this.#panel = panel;
    this.#system = new System(DECIMALS, () => this.#changed());
    this.#most = new Most(DECIMALS, () => this.#whole(), (legs, stake) => this.#restake(legs, stake));
    this.#free = new Free(DECIMALS, (amount) => this.#restakeAll(amount));
    this.#each = new EachWay(() => this.#changed());
    this.#retune = retune;
    this.#refresh = refresh;
    this.#load();
  }

  start() {
    this.#el("slip-empty").textContent = "Choose a price to begin.";
    this.#listen();
    this.#build();
    addEventListener("storage", (event) => {
      if (event.key !== STORE) return;
      this.#load();
      this.#build();
    });
    void this.#finish(unanswered());
    void this.#free.load(() => this.update());
  }

  /** @template {HTMLElement} T @param {string} id @returns {T} */
  #el(id) {
    return /** @type {T} */ (document.getElementById(id));
  }

  #load() {
    const found = kept();
    this.legs = found?.legs ?? [];
    if (!found) return;
    this.#tab = found.tab ?? "singles";
    this.#stake = found.stake ?? "";
    this.#policy = found.policy ?? "higher";
    this.#system.load(found.system);
  }

  #save() {
    const { legs } = this;
    const system = this.#system.kept();
    keepSlip({ legs, tab: this.#tab, stake: this.#stake, policy: this.#policy, system });
  }

  #listen() {
    document.addEventListener("click", (event) => {
      const cell = event.target instanceof Element ? event.target.closest("main .odd[data-s]") : null;
      if (cell instanceof HTMLElement) this.#toggle(cell);
    });
    this.#el("slip-bar").addEventListener("click", () => this.#open(!this.#isOpen()));
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#isOpen()) this.#open(false);
    });
    tabs.listen((tab) => this.#show(tab));
    this.#el("combo-stake").addEventListener("input", (event) => {
      this.#stake = /** @type {HTMLInputElement} */ (event.target).value;
      this.#changed();
    });
    this.#el("policy").addEventListener("change", (event) => {
      this.#policy = /** @type {HTMLSelectElement} */ (event.target).value;
      this.#changed();
    });
    this.#el("slip-accept").addEventListener("click", () => this.#accept());
    this.#el("slip-clear").addEventListener("click", () => this.#clear());
    this.#el("slip-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#place();
    });
  }

  #isOpen() {
    return this.#panel.dataset.open === "true";
  }

  /** @param {boolean} open */
  #open(open) {
    this.#panel.dataset.open = String(open);
    this.#el("slip-bar").setAttribute("aria-expanded", String(open));
    this.#el("slip-body").hidden = !open;
    if (open) this.#el("slip-title").focus();
    else this.#el("slip-bar").focus();
    this.update();
  }

  /** @param {string} tab */
  #show(tab) {
    this.#tab = tab;
    this.#changed();
  }

  /** @param {HTMLElement} cell */
  #toggle(cell) {
    const id = cell.dataset.s ?? "";
    if (this.legs.some((leg) => leg.id === id)) {
      this.#remove(id);
      return;
    }
    if (cell.getAttribute("aria-disabled") === "true") return;
    if (this.legs.length >= LEGS_MAX) {
      say(`A slip has at most ${LEGS_MAX} selections.`);
      return;
    }
    this.legs.push(chosen(cell));
    const first = this.legs.length === 2 && !this.legs[0].stake && this.#tab === "singles";
    if (first && !this.#conflict()) this.#tab = "combo";
    this.#el("slip-done").hidden = true;
    this.#build();
    this.#summary();
  }

  /** @param {string} id */
  #remove(id) {
    this.legs = this.legs.filter((leg) => leg.id !== id);
    this.#build();
    this.#summary();
  }

  #clear() {
    this.legs = [];
    this.#stake = "";
    this.#system.load(undefined);
    this.#build();
    say("The slip is empty.");
    this.#el("slip-title").focus();
  }

  #accept() {
    for (const leg of this.legs) leg.shown = this.#now(leg).price;
    problem("");
    this.#changed();
    this.#el(this.#el("slip-place") ? "slip-place" : "slip-title").focus();
  }

  /** The legs are others than before: make their items anew. */
  #build() {
    const list = this.#el("slip-legs");
    const template = /** @type {HTMLTemplateElement} */ (this.#el("leg-template"));
    for (const leg of this.legs) {
      if (this.#items.has(leg.id)) continue;
      const item = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
      fill(item, leg);
      item.querySelector(".remove")?.addEventListener("click", () => {
        this.#remove(leg.id);
        this.#el("slip-title").focus();
      });
      item.querySelector(".stake")?.addEventListener("input", (event) => {
        const own = this.legs.find((one) => one.id === leg.id);
        if (own) own.stake = /** @type {HTMLInputElement} */ (event.target).value;
        this.#changed();
      });
      item.querySelector(".banker")?.addEventListener("change", (event) => {
        const own = this.legs.find((one) => one.id === leg.id);
        if (own) own.banker = /** @type {HTMLInputElement} */ (event.target).checked;
        this.#changed();
      });
      item.querySelector(".each-way")?.addEventListener("change", (event) => {
        const own = this.legs.find((one) => one.id === leg.id);
        if (own) own.eachWay = /** @type {HTMLInputElement} */ (event.target).checked;
        this.#changed();
      });
      this.#items.set(leg.id, item);
    }
    const ids = new Set(this.legs.map((leg) => leg.id));
    for (const id of this.#items.keys()) if (!ids.has(id)) this.#items.delete(id);
    list.replaceChildren(...this.legs.map((leg) => /** @type {HTMLElement} */ (this.#items.get(leg.id))));
    this.press();
    this.#changed();
    this.#retune();
  }

  #changed() {
    this.#most.forget();
    this.#save();
    this.update();
  }

  /** Press the cells that are on the slip. */
  press() {
    const ids = new Set(this.legs.map((leg) => leg.id));
    for (const cell of document.querySelectorAll("main .odd[data-s]")) {
      cell.setAttribute("aria-pressed", String(ids.has(cell.getAttribute("data-s") ?? "")));
    }
  }

  /** Selections that are laid no more, seen by nobody else. @param {string[]} gone */
  close(gone) {
    for (const id of gone) {
      const leg = this.legs.find((one) => one.id === id);
      if (leg && !cells.get(id)) cells.apply([[id, leg.shown, "closed", Date.now()]]);
    }
  }

  /** @param {Leg} leg */
  #now(leg) {
    return cells.get(leg.id) ?? { price: leg.shown, state: "open" };
  }

  /** Whether the leg's price has gone where its policy wants to be asked. @param {Leg} leg */
  #asks(leg) {
    const now = Number(this.#now(leg).price);
    const before = Number(leg.shown);
    if (this.#policy === "any") return false;
    return this.#policy === "none" ? now !== before : now < before;
  }

  /** What a system is made of. */
  #parts() {
    return this.legs.map((leg) => ({ price: this.#now(leg).price, banker: leg.banker === true, terms: leg.terms ?? "" }));
  }

  #conflict() {
    return new Set(this.legs.map((leg) => leg.event)).size < this.legs.length;
  }

  /** Write what holds now: prices, states, sums. */
  update() {
    const combo = this.#tab === "combo";
    const joint = this.#tab !== "singles";
    const some = this.legs.length > 0;
    this.#el("slip-empty").hidden = some || !this.#el("slip-done").hidden;
    this.#el("slip-form").hidden = !some;
    // On a phone an empty slip takes no room.
    const closed = !some && !this.#isOpen();
    this.#el("slip-bar").hidden = closed;
    this.#panel.toggleAttribute("data-empty", closed);
    this.#el("slip-count").textContent = String(this.legs.length);
    tabs.choose(this.#tab);
    this.#el("slip-combo").hidden = !combo;
    this.#system.update(this.#tab === "system", this.#parts());
    this.#el("slip-conflict").hidden = !(joint && this.#conflict());
    write(this.#el("policy"), this.#policy);
    write(this.#el("combo-stake"), this.#stake);
    this.#sums();
    for (const leg of this.legs) this.#updateLeg(leg);
    this.#most.update();
    const asks = this.legs.some((leg) => this.#asks(leg));
    this.#el("slip-accept").hidden = !asks;
    const place = this.#el("slip-place");
    if (place) {
      place.textContent = this.#busy ? "Asking…" : joint ? `Place the ${this.#tab}` : "Place bet";
      place.setAttribute("aria-disabled", String(this.#busy || this.#reason() !== ""));
    }
  }

  /** @param {Leg} leg */
  #updateLeg(leg) {
    const item = this.#items.get(leg.id);
    if (!item) return;
    const now = this.#now(leg);
    const moved = now.price !== leg.shown;
    const old = part(item, ".leg-old");
    old.hidden = !moved;
    old.textContent = leg.shown;
    part(item, ".leg-now").textContent = now.price;
    item.dataset.change = moved ? (Number(now.price) > Number(leg.shown) ? "up" : "down") : "";
    const state = part(item, ".leg-state");
    state.hidden = now.state === "open";
    state.textContent = now.state === "open" ? "" : now.state === "closed" ? "Closed" : "Suspended";
    part(item, ".leg-stake").hidden = this.#tab !== "singles";
    part(item, ".leg-return").hidden = this.#tab !== "singles";
    part(item, ".leg-banker").hidden = this.#tab !== "system";
    /** @type {HTMLInputElement} */ (part(item, ".banker")).checked = leg.banker === true;
    const stake = minor(leg.stake, DECIMALS);
    const input = /** @type {HTMLInputElement} */ (part(item, ".stake"));
    write(input, leg.stake);
    input.setAttribute("aria-invalid", String(leg.stake !== "" && stake === null));
    part(item, ".leg-return").textContent = stake
      ? `pays ${shown(this.#pays(stake, [leg]) - this.#free.kept(), DECIMALS)}`
      : "";
    showEachWay(item, this.#tab, leg);
  }

  /** What a stake on these legs pays: each way, on each of the two parts. @param {bigint} stake @param {Leg[]} legs */
  #pays(stake, legs) {
    if (!this.#each.is(this.#tab, legs)) return payout(stake, legs.map((leg) => this.#now(leg).price));
    return eachWayPayout(stake, legs.map((leg) => ({ price: this.#now(leg).price, terms: leg.terms ?? "" })));
  }

  #sums() {
    const prices = this.legs.map((leg) => this.#now(leg).price);
    const combo = this.#tab === "combo";
    const system = this.#tab === "system";
    const stake = minor(this.#stake, DECIMALS);
    this.#el("combo-stake").setAttribute("aria-invalid", String(this.#stake !== "" && stake === null));
    const stakes = this.legs.map((leg) => minor(leg.stake, DECIMALS) ?? 0n);
    /** @param {Leg[]} legs */
    const times = (legs) => (this.#each.is(this.#tab, legs) ? 2n : 1n);
    const each = this.#each.is(this.#tab, this.legs);
    const { total, pays } = system
      ? this.#system.sums(this.#parts(), each)
      : combo
        ? { total: (stake ?? 0n) * times(this.legs), pays: stake === null ? 0n : this.#pays(stake, this.legs) }
        : {
            total: stakes.reduce((sum, one, n) => sum + one * times([this.legs[n]]), 0n),
            pays: stakes.reduce((sum, one, n) => sum + this.#pays(one, [this.legs[n]]), 0n),
          };
    const isOne = combo || system || this.legs.length === 1;
    this.#free.update(isOne && times(this.legs) === 1n, total);
    this.#each.update(this.#tab, this.legs);
    // With a leg that is closed there is no such bet.
    const gone = (combo || system) && this.legs.some((leg) => this.#now(leg).state === "closed");
    const got = !gone && pays > this.#free.kept() ? pays - this.#free.kept() : 0n;
    const odds = combo && prices.length && !gone ? totalOdds(prices) : "";
    this.#el("sum-odds").hidden = !combo;
    sum(this.#el("sum-odds"), odds || "–");
    this.#el("sum-lines").hidden = !system;
    sum(this.#el("sum-lines"), system ? this.#system.said(this.#parts(), each) : "");
    sum(this.#el("sum-stake"), `${shown(total, DECIMALS)} ${CURRENCY}`);
    sum(this.#el("sum-return"), gone ? "–" : `${shown(got, DECIMALS)} ${CURRENCY}`);
    this.#el("slip-total").textContent = odds || (got ? `${shown(got, DECIMALS)} ${CURRENCY}` : "");
  }

  /** Why the slip cannot be placed as it is; "" when it can. */
  #reason() {
    const combo = this.#tab === "combo";
    const system = this.#tab === "system";
    const joint = combo || system;
    const blocked = this.legs.find((leg) => this.#now(leg).state !== "open");
    const playing = joint ? this.legs : this.legs.filter((leg) => leg.stake !== "");
    if (combo && this.legs.length < 2) return "A combo has at least two selections.";
    if (joint && this.#conflict()) return "Two legs are on the same event.";
    if (blocked && (joint || playing.includes(blocked))) {
      return `${blocked.side} takes no bets now. Wait for it, or remove it.`;
    }
    const lacks = system ? this.#system.reason(this.#parts()) : "";
    if (lacks) return lacks;
    const stakes = system ? [this.#system.stake] : combo ? [this.#stake] : playing.map((leg) => leg.stake);
    if (!stakes.length || stakes.includes("")) return "Type a stake first.";
    if (stakes.some((stake) => !minor(stake, DECIMALS))) {
      return `A stake is an amount above zero${DECIMALS ? ` with at most ${DECIMALS} decimals` : ", without decimals"}.`;
    }
    if (playing.some((leg) => this.#asks(leg))) return "A price has changed: accept it first.";
    return "";
  }

  /** Legs as the API is asked for them. @param {Leg[]} legs */
  #lines(legs) {
    const system = this.#tab === "system";
    const eachWay = this.#each.is(this.#tab, legs);
    return legs.map((leg) => ({
      selection_id: leg.id,
      price: leg.shown,
      banker: system && leg.banker === true,
      ...(eachWay ? { place_terms: leg.terms } : {}),
    }));
  }

  /** The whole slip as one bet without its stake; null where it is none. */
  #whole() {
    const system = this.#tab === "system";
    const one = this.legs.length === 1 || (this.#tab !== "singles" && !this.#conflict());
    if (!PLAYER || !this.legs.length || !one) return null;
    const body = { legs: this.#lines(this.legs), odds_policy: this.#policy, each_way: this.#each.is(this.#tab, this.legs) };
    if (system) Object.assign(body, this.#system.body(this.#parts()));
    return { body, legs: this.legs.map((leg) => leg.id) };
  }

  /** @param {string[]} legs @param {string} stake */
  #restake(legs, stake) {
    if (this.#tab === "system") this.#system.stake = stake;
    else if (this.#tab === "combo") this.#stake = stake;
    else for (const leg of this.legs) if (leg.id === legs[0]) leg.stake = stake;
    problem("");
    this.#changed();
    this.#el("slip-place")?.focus();
  }

  /** What the whole slip stakes. @param {string} stake */
  #restakeAll(stake) {
    if (this.#tab === "system") Object.assign(this.#system, { stake, mode: "total" });
    else if (this.#tab === "combo") this.#stake = stake;
    else for (const leg of this.legs) leg.stake = stake;
    this.#changed();
  }

  async #place() {
    if (this.#busy) return;
    const reason = this.#reason();
    problem(reason);
    if (reason) return;
    const policy = { odds_policy: this.#policy };
    /** @param {Leg[]} legs @param {string} stake */
    const slip = (legs, stake, more = {}) =>
      keep(
        {
          legs: this.#lines(legs),
          stake: plain(minor(stake, DECIMALS) ?? 0n, DECIMALS),
          ...policy,
          ...more,
          ...this.#free.body(),
          ...(this.#each.is(this.#tab, legs) ? { each_way: true } : {}),
        },
        legs.map((leg) => leg.id),
      );
    const playing = this.legs.filter((leg) => leg.stake !== "");
    const asked =
      this.#tab === "system"
        ? [slip(this.legs, this.#system.stake, this.#system.body(this.#parts()))]
        : this.#tab === "combo"
          ? [slip(this.legs, this.#stake)]
          : playing.map((leg) => slip([leg], leg.stake));
    await this.#finish(asked);
  }

  /** Ask for each, one after the other, and say what came of them.
   * @param {import("./place.js").Asked[]} asked */
  async #finish(asked) {
    if (!asked.length) return;
    this.#busy = true;
    problem("");
    this.update();
    let count = 0;
    /** @type {Set<string>} */
    const refusals = new Set();
    /** @type {Answer | null} */ let refused = null;
    for (const one of asked) {
      const answer = await ask(one);
      if (answer?.status === 201 || answer?.status === 202) {
        count += 1;
        this.legs = this.legs.filter((leg) => !answer.legs.includes(leg.id));
        if (answer.legs.length > 1) this.#stake = this.#system.stake = "";
        placed(answer, count);
      } else {
        refusals.add(this.#refused(answer));
        refused ??= answer;
      }
    }
    if (refusals.size) problem(...refusals);
    this.#busy = false;
    this.#build();
    if (refused) this.#most.refused(refused);
    this.#refresh();
    void this.#free.load(() => this.update());
  }

  /** What to say of it. @param {Answer | null} answer @returns {string} */
  #refused(answer) {
    if (!answer) return said(answer);
    const { leg, prices } = answer.body;
    if (Array.isArray(prices)) {
      answer.legs.forEach((id, n) => {
        const known = cells.get(id);
        if (prices[n]) cells.apply([[id, prices[n], known?.state ?? "open", known?.at ?? Date.now()]]);
      });
    }
    const terms = answer.body.place_terms;
    for (const one of this.legs) {
      if (Array.isArray(terms) && answer.legs.includes(one.id)) one.terms = terms[answer.legs.indexOf(one.id)] ?? "";
    }
    const which = this.legs.find((one) => one.id === answer.legs[(leg ?? 0) - 1]);
    return said(answer, which?.side);
  }

  #summary() {
    const odds = this.legs.length > 1 ? `, total odds ${totalOdds(this.legs.map((leg) => this.#now(leg).price))}` : "";
    say(`${this.legs.length} on the slip${odds}`);
  }
}
