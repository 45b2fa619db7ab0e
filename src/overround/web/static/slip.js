// @ts-check
// The slip: what is chosen, at the price that was shown, and what has become of that price since.

import { Bets } from "./bets.js";
import * as cells from "./cells.js";
import { EachWay, eachWayPayout } from "./each_way.js";
import { Free } from "./free.js";
import { Items } from "./items.js";
import { keepSlip, kept, STORE } from "./kept.js";
import { accept, conflict, heard, now, systemParts } from "./legs.js";
import { Most } from "./most.js";
import { placed, problem, say } from "./notes.js";
import { ask, keep, unanswered } from "./place.js";
import { chosen, sum, write } from "./parts.js";
import { Policy } from "./policy.js";
import { said } from "./refusals.js";
import { minor, payout, shown, totalOdds } from "./sums.js";
import { System } from "./system.js";
import * as tabs from "./tabs.js";
import { learn } from "./versions.js";

/** @typedef {import("./legs.js").Leg} Leg */
/** @typedef {import("./place.js").Answer} Answer */
/** @typedef {import("./place.js").Asked} Asked */

const PLAYER = document.body.dataset.player ?? "";
const LEGS_MAX = 20;
const CURRENCY = document.body.dataset.currency ?? "";
const DECIMALS = Number(document.body.dataset.decimals ?? 2);

export class Slip {
  /** @type {Leg[]} */ legs = [];
  tab = "singles";
  stake = "";
  #busy = false;
  /** @type {HTMLElement} */ #panel;
  /** @type {Items} */ #items;
  /** @type {Policy} */ #policy;
  /** @type {System} */ #system;
  /** @type {Most} */ #most;
  /** @type {Free} */ #free;
  /** @type {EachWay} */ #each;
  /** @type {Bets} */ #bets;
  /** @type {() => void} */ #retune;
  /** @type {() => void} */ #refresh;

  /** @param {HTMLElement} panel @param {() => void} retune @param {() => void} refresh */
  constructor(panel, retune, refresh) {
    this.#panel = panel;
    const changed = () => this.#changed();
    this.#items = new Items(DECIMALS, {
      leg: (id) => this.legs.find((one) => one.id === id),
      changed,
      remove: (id) => {
        this.#remove(id);
        this.#el("slip-title").focus();
      },
    });
    this.#policy = new Policy(changed);
    this.#system = new System(DECIMALS, changed);
    this.#most = new Most(DECIMALS, {
      whole: () => (PLAYER ? this.#bets.whole(this) : null),
      take: (legs, stake) => this.#restake(legs, stake),
      bet: (asked, stake) => this.#betLess(asked, stake),
    });
    this.#free = new Free(DECIMALS, (amount) => this.#restakeAll(amount));
    this.#each = new EachWay(changed);
    this.#bets = new Bets(DECIMALS, { system: this.#system, each: this.#each, free: this.#free, policy: this.#policy });
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
    this.tab = found.tab ?? "singles";
    this.stake = found.stake ?? "";
    this.#policy.load(found.policy);
    this.#system.load(found.system);
  }

  #save() {
    const { legs } = this;
    const system = this.#system.kept();
    keepSlip({ legs, tab: this.tab, stake: this.stake, policy: this.#policy.kept(), system });
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
      this.stake = /** @type {HTMLInputElement} */ (event.target).value;
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
    this.tab = tab;
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
    const first = this.legs.length === 2 && !this.legs[0].stake && this.tab === "singles";
    if (first && !conflict(this.legs)) this.tab = "combo";
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
    this.stake = "";
    this.#system.load(undefined);
    this.#build();
    say("The slip is empty.");
    this.#el("slip-title").focus();
  }

  #accept() {
    for (const leg of this.legs) accept(leg);
    problem("");
    this.#changed();
    this.#el(this.#el("slip-place") ? "slip-place" : "slip-title").focus();
  }

  /** The legs are others than before: make their items anew. */
  #build() {
    this.#items.build(this.legs);
    this.press();
    this.#changed();
    this.#retune();
  }

  #changed() {
    this.#most.forget();
    this.#save();
    this.update();
    if (this.#policy.isStrict()) void learn(() => this.legs, () => this.#save());
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

  /** Write what holds now: prices, states, sums. */
  update() {
    const combo = this.tab === "combo";
    const joint = this.tab !== "singles";
    const some = this.legs.length > 0;
    this.#el("slip-empty").hidden = some || !this.#el("slip-done").hidden;
    this.#el("slip-form").hidden = !some;
    // On a phone an empty slip takes no room.
    const closed = !some && !this.#isOpen();
    this.#el("slip-bar").hidden = closed;
    this.#panel.toggleAttribute("data-empty", closed);
    this.#el("slip-count").textContent = String(this.legs.length);
    tabs.choose(this.tab);
    this.#el("slip-combo").hidden = !combo;
    this.#system.update(this.tab === "system", systemParts(this.legs));
    this.#el("slip-conflict").hidden = !(joint && conflict(this.legs));
    this.#policy.update();
    write(this.#el("combo-stake"), this.stake);
    this.#sums();
    for (const leg of this.legs) this.#items.update(leg, this.tab, this.#returns(leg));
    this.#most.update();
    this.#updateAccept();
    const place = this.#el("slip-place");
    if (place) {
      place.textContent = this.#busy ? "Asking…" : joint ? `Place the ${this.tab}` : "Place bet";
      place.setAttribute("aria-disabled", String(this.#busy || this.#bets.reason(this) !== ""));
    }
  }

  #updateAccept() {
    const asked = this.legs.filter((leg) => this.#policy.asks(leg));
    const moved = asked.some((leg) => now(leg).price !== leg.shown);
    const button = this.#el("slip-accept");
    button.hidden = !asked.length;
    const many = asked.length > 1 ? "s" : "";
    button.textContent = moved ? "Accept the new prices" : `Accept the new offer${many}`;
  }

  /** What the leg pays as a single, as it is shown. @param {Leg} leg */
  #returns(leg) {
    const stake = minor(leg.stake, DECIMALS);
    return stake ? `pays ${shown(this.#pays(stake, [leg]) - this.#free.kept(), DECIMALS)}` : "";
  }

  /** What a stake on these legs pays: each way, on each of the two parts. @param {bigint} stake @param {Leg[]} legs */
  #pays(stake, legs) {
    if (!this.#each.is(this.tab, legs)) return payout(stake, legs.map((leg) => now(leg).price));
    return eachWayPayout(stake, legs.map((leg) => ({ price: now(leg).price, terms: leg.terms ?? "" })));
  }

  #sums() {
    const prices = this.legs.map((leg) => now(leg).price);
    const combo = this.tab === "combo";
    const system = this.tab === "system";
    const stake = minor(this.stake, DECIMALS);
    this.#el("combo-stake").setAttribute("aria-invalid", String(this.stake !== "" && stake === null));
    const stakes = this.legs.map((leg) => minor(leg.stake, DECIMALS) ?? 0n);
    /** @param {Leg[]} legs */
    const times = (legs) => (this.#each.is(this.tab, legs) ? 2n : 1n);
    const each = this.#each.is(this.tab, this.legs);
    const { total, pays } = system
      ? this.#system.sums(systemParts(this.legs), each)
      : combo
        ? { total: (stake ?? 0n) * times(this.legs), pays: stake === null ? 0n : this.#pays(stake, this.legs) }
        : {
            total: stakes.reduce((sum, one, n) => sum + one * times([this.legs[n]]), 0n),
            pays: stakes.reduce((sum, one, n) => sum + this.#pays(one, [this.legs[n]]), 0n),
          };
    const isOne = combo || system || this.legs.length === 1;
    this.#free.update(isOne && times(this.legs) === 1n, total);
    this.#each.update(this.tab, this.legs);
    // With a leg that is closed there is no such bet.
    const gone = (combo || system) && this.legs.some((leg) => now(leg).state === "closed");
    const got = !gone && pays > this.#free.kept() ? pays - this.#free.kept() : 0n;
    const odds = combo && prices.length && !gone ? totalOdds(prices) : "";
    this.#el("sum-odds").hidden = !combo;
    sum(this.#el("sum-odds"), odds || "–");
    this.#el("sum-lines").hidden = !system;
    sum(this.#el("sum-lines"), system ? this.#system.said(systemParts(this.legs), each) : "");
    sum(this.#el("sum-stake"), `${shown(total, DECIMALS)} ${CURRENCY}`);
    sum(this.#el("sum-return"), gone ? "–" : `${shown(got, DECIMALS)} ${CURRENCY}`);
    this.#el("slip-total").textContent = odds || (got ? `${shown(got, DECIMALS)} ${CURRENCY}` : "");
  }

  /** @param {string[]} legs @param {string} stake */
  #restake(legs, stake) {
    if (this.tab === "system") this.#system.stake = stake;
    else if (this.tab === "combo") this.stake = stake;
    else for (const leg of this.legs) if (leg.id === legs[0]) leg.stake = stake;
    problem("");
    this.#changed();
    this.#el("slip-place")?.focus();
  }

  /** What the whole slip stakes. @param {string} stake */
  #restakeAll(stake) {
    if (this.tab === "system") Object.assign(this.#system, { stake, mode: "total" });
    else if (this.tab === "combo") this.stake = stake;
    else for (const leg of this.legs) leg.stake = stake;
    this.#changed();
  }

  async #place() {
    if (this.#busy) return;
    const reason = this.#bets.reason(this);
    problem(reason);
    if (!reason) await this.#finish(this.#bets.asked(this));
  }

  /** The same bet again, for what is taken of it. @param {Asked} asked @param {string} stake */
  async #betLess({ body, legs }, stake) {
    if (this.#busy) return;
    this.#restake(legs, stake);
    await this.#finish([keep({ ...JSON.parse(body), stake, accept_lower_stake: true }, legs)]);
  }

  /** Ask for each, one after the other, and say what came of them.
   * @param {Asked[]} asked */
  async #finish(asked) {
    if (!asked.length) return;
    this.#busy = true;
    problem("");
    this.update();
    let count = 0;
    /** @type {Set<string>} */
    const refusals = new Set();
    /** @type {(() => void) | null} */ let offer = null;
    for (const one of asked) {
      const answer = await ask(one);
      if (answer?.status === 201 || answer?.status === 202) {
        count += 1;
        this.legs = this.legs.filter((leg) => !answer.legs.includes(leg.id));
        if (answer.legs.length > 1) this.stake = this.#system.stake = "";
        placed(answer, count);
      } else {
        refusals.add(this.#refused(answer));
        if (answer) offer ??= this.#most.offered(one, answer);
      }
    }
    if (refusals.size) problem(...refusals);
    this.#busy = false;
    this.#build();
    offer?.();
    this.#refresh();
    void this.#free.load(() => this.update());
  }

  /** What to say of it. @param {Answer | null} answer @returns {string} */
  #refused(answer) {
    if (!answer) return said(answer);
    heard(this.legs, answer);
    const { leg } = answer.body;
    const which = this.legs.find((one) => one.id === answer.legs[(leg ?? 0) - 1]);
    return said(answer, which?.side);
  }

  #summary() {
    const odds = this.legs.length > 1 ? `, total odds ${totalOdds(this.legs.map((leg) => now(leg).price))}` : "";
    say(`${this.legs.length} on the slip${odds}`);
  }
}
