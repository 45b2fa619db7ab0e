// @ts-check
// The slip: what is chosen, at the price that was shown, and what has become of that price since.

import * as cells from "./cells.js";
import { ask, keep, unanswered } from "./place.js";
import { minor, payout, plain, shown, totalOdds } from "./sums.js";

/** @typedef {{id: string, event: string, name: string, side: string, market: string, shown: string, stake: string}} Leg */
/** @typedef {import("./place.js").Answer} Answer */

const GUEST = "slip.legs";
// A slip belongs to whoever filled it: a guest's goes along when he logs in, a player's stays his.
const PLAYER = document.body.dataset.player ?? "";
const STORE = PLAYER ? `${GUEST}.${PLAYER}` : GUEST;
const LEGS_MAX = 20;
const CURRENCY = document.body.dataset.currency ?? "";
const DECIMALS = Number(document.body.dataset.decimals ?? 2);

/** What to do about a refusal; the API's own words say what it is. @type {Record<string, string>} */
const ADVICE = {
  price_changed: "Accept the new price, or remove the selection.",
  market_suspended: "Wait for it to open again, or remove it.",
  market_closed: "Remove it.",
  event_started: "Remove it.",
  unknown_selection: "Remove it.",
  legs_conflict: "Remove one of them, or play singles.",
  insufficient_funds: "Make a deposit, or lower the stake.",
  stake_below_min: "Raise the stake.",
  payout_above_max: "Lower the stake.",
  account_blocked: "Please ask the house.",
  tenant_suspended: "Try again later.",
};

export class Slip {
  /** @type {Leg[]} */ legs = [];
  /** @type {Map<string, HTMLElement>} */ #items = new Map();
  /** @type {HTMLElement} */ #panel;
  #tab = "singles";
  #stake = "";
  #policy = "higher";
  #busy = false;
  /** @type {() => void} */ #retune;
  /** @type {() => void} */ #refresh;

  /** @param {HTMLElement} panel @param {() => void} retune @param {() => void} refresh */
  constructor(panel, retune, refresh) {
    this.#panel = panel;
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
  }

  /** @template {HTMLElement} T @param {string} id @returns {T} */
  #el(id) {
    return /** @type {T} */ (document.getElementById(id));
  }

  #load() {
    try {
      const guests = PLAYER ? localStorage.getItem(GUEST) : null;
      if (guests) {
        localStorage.setItem(STORE, guests);
        localStorage.removeItem(GUEST);
      }
      const kept = JSON.parse(localStorage.getItem(STORE) ?? "{}");
      this.legs = kept.legs ?? [];
      this.#tab = kept.tab ?? "singles";
      this.#stake = kept.stake ?? "";
      this.#policy = kept.policy ?? "higher";
    } catch {
      this.legs = [];
    }
  }

  #save() {
    const { legs } = this;
    const kept = { legs, tab: this.#tab, stake: this.#stake, policy: this.#policy };
    localStorage.setItem(STORE, JSON.stringify(kept));
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
    for (const tab of ["singles", "combo"]) {
      this.#el(`tab-${tab}`).addEventListener("click", () => this.#show(tab));
      this.#el(`tab-${tab}`).addEventListener("keydown", (event) => {
        if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
        const other = this.#tab === "singles" ? "combo" : "singles";
        this.#show(other);
        this.#el(`tab-${other}`).focus();
      });
    }
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
      this.#say(`A slip has at most ${LEGS_MAX} selections.`);
      return;
    }
    const place = /** @type {HTMLElement | null} */ (cell.closest("[data-e]"));
    this.legs.push({
      id,
      event: place?.dataset.e ?? "",
      name: place?.dataset.n ?? "",
      side: cell.dataset.l ?? "",
      market: cell.dataset.m ?? "",
      shown: cell.dataset.p ?? "",
      stake: "",
    });
    if (this.legs.length === 2 && !this.#conflict() && !this.legs[0].stake) this.#tab = "combo";
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
    this.#build();
    this.#say("The slip is empty.");
    this.#el("slip-title").focus();
  }

  #accept() {
    for (const leg of this.legs) leg.shown = this.#now(leg).price;
    this.#problem("");
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

  #conflict() {
    return new Set(this.legs.map((leg) => leg.event)).size < this.legs.length;
  }

  /** Write what holds now: prices, states, sums. */
  update() {
    const combo = this.#tab === "combo";
    const some = this.legs.length > 0;
    this.#el("slip-empty").hidden = some || !this.#el("slip-done").hidden;
    this.#el("slip-form").hidden = !some;
    // On a phone an empty slip takes no room.
    const closed = !some && !this.#isOpen();
    this.#el("slip-bar").hidden = closed;
    this.#panel.toggleAttribute("data-empty", closed);
    this.#el("slip-count").textContent = String(this.legs.length);
    for (const tab of ["singles", "combo"]) {
      const chosen = tab === this.#tab;
      this.#el(`tab-${tab}`).setAttribute("aria-selected", String(chosen));
      this.#el(`tab-${tab}`).tabIndex = chosen ? 0 : -1;
    }
    this.#el("slip-panel").setAttribute("aria-labelledby", `tab-${this.#tab}`);
    this.#el("slip-combo").hidden = !combo;
    this.#el("slip-conflict").hidden = !(combo && this.#conflict());
    write(this.#el("policy"), this.#policy);
    write(this.#el("combo-stake"), this.#stake);
    for (const leg of this.legs) this.#updateLeg(leg, combo);
    this.#sums(combo);
    const asks = this.legs.some((leg) => this.#asks(leg));
    this.#el("slip-accept").hidden = !asks;
    const place = this.#el("slip-place");
    if (place) {
      place.textContent = this.#busy ? "Asking…" : combo ? "Place the combo" : "Place bet";
      place.setAttribute("aria-disabled", String(this.#busy || this.#reason() !== ""));
    }
  }

  /** @param {Leg} leg @param {boolean} combo */
  #updateLeg(leg, combo) {
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
    part(item, ".leg-stake").hidden = combo;
    part(item, ".leg-return").hidden = combo;
    const stake = minor(leg.stake, DECIMALS);
    const input = /** @type {HTMLInputElement} */ (part(item, ".stake"));
    write(input, leg.stake);
    input.setAttribute("aria-invalid", String(leg.stake !== "" && stake === null));
    part(item, ".leg-return").textContent = stake ? `pays ${shown(payout(stake, [now.price]), DECIMALS)}` : "";
  }

  /** @param {boolean} combo */
  #sums(combo) {
    const prices = this.legs.map((leg) => this.#now(leg).price);
    const stake = minor(this.#stake, DECIMALS);
    let total = stake ?? 0n;
    let pays = stake === null ? 0n : payout(stake, prices);
    if (!combo) {
      const stakes = this.legs.map((leg) => minor(leg.stake, DECIMALS) ?? 0n);
      total = stakes.reduce((sum, one) => sum + one, 0n);
      pays = stakes.reduce((sum, one, n) => sum + payout(one, [prices[n]]), 0n);
    }
    const input = this.#el("combo-stake");
    input.setAttribute("aria-invalid", String(this.#stake !== "" && stake === null));
    const odds = combo && prices.length ? totalOdds(prices) : "";
    this.#el("sum-odds").hidden = !combo;
    sum(this.#el("sum-odds"), odds);
    sum(this.#el("sum-stake"), `${shown(total, DECIMALS)} ${CURRENCY}`);
    sum(this.#el("sum-return"), `${shown(pays, DECIMALS)} ${CURRENCY}`);
    this.#el("slip-total").textContent = odds || (pays ? `${shown(pays, DECIMALS)} ${CURRENCY}` : "");
  }

  /** Why the slip cannot be placed as it is; "" when it can. */
  #reason() {
    const combo = this.#tab === "combo";
    const blocked = this.legs.find((leg) => this.#now(leg).state !== "open");
    const playing = combo ? this.legs : this.legs.filter((leg) => leg.stake !== "");
    if (combo && this.legs.length < 2) return "A combo has at least two selections.";
    if (combo && this.#conflict()) return "Two legs are on the same event.";
    if (blocked && (combo || playing.includes(blocked))) {
      return `${blocked.side} takes no bets now. Wait for it, or remove it.`;
    }
    const stakes = combo ? [this.#stake] : playing.map((leg) => leg.stake);
    if (!stakes.length || stakes.includes("")) return "Type a stake first.";
    if (stakes.some((stake) => !minor(stake, DECIMALS))) {
      return `A stake is an amount above zero${DECIMALS ? ` with at most ${DECIMALS} decimals` : ", without decimals"}.`;
    }
    if (playing.some((leg) => this.#asks(leg))) return "A price has changed: accept it first.";
    return "";
  }

  async #place() {
    if (this.#busy) return;
    const reason = this.#reason();
    this.#problem(reason);
    if (reason) return;
    const policy = { odds_policy: this.#policy };
    /** @param {Leg[]} legs @param {string} stake */
    const slip = (legs, stake) =>
      keep(
        {
          legs: legs.map((leg) => ({ selection_id: leg.id, price: leg.shown })),
          stake: plain(minor(stake, DECIMALS) ?? 0n, DECIMALS),
          ...policy,
        },
        legs.map((leg) => leg.id),
      );
    const playing = this.legs.filter((leg) => leg.stake !== "");
    const asked =
      this.#tab === "combo"
        ? [slip(this.legs, this.#stake)]
        : playing.map((leg) => slip([leg], leg.stake));
    await this.#finish(asked);
  }

  /** Ask for each, one after the other, and say what came of them.
   * @param {import("./place.js").Asked[]} asked */
  async #finish(asked) {
    if (!asked.length) return;
    this.#busy = true;
    this.#problem("");
    this.update();
    let placed = 0;
    /** @type {Set<string>} */
    const refusals = new Set();
    for (const one of asked) {
      const answer = await ask(one);
      if (answer?.status === 201) {
        placed += 1;
        this.legs = this.legs.filter((leg) => !answer.legs.includes(leg.id));
        if (answer.legs.length > 1) this.#stake = "";
        this.#placed(answer, placed);
      } else {
        refusals.add(this.#refused(answer));
      }
    }
    if (refusals.size) this.#problem(...refusals);
    this.#busy = false;
    this.#build();
    this.#refresh();
  }

  /** @param {Answer} answer @param {number} count */
  #placed(answer, count) {
    const { potential_payout, currency, prices } = answer.body;
    const note = this.#el("slip-done");
    const link = Object.assign(document.createElement("a"), { href: "/bets", textContent: "My bets" });
    const text = count > 1 ? `${count} bets placed. ` : `Placed at ${prices.join(" × ")}; pays up to ${potential_payout} ${currency}. `;
    note.replaceChildren(text, link);
    note.hidden = false;
    this.#say(text);
  }

  /** What to say of it. @param {Answer | null} answer @returns {string} */
  #refused(answer) {
    if (!answer) {
      return "There is no answer yet. It is asked again when the page is opened, and can become one bet only.";
    }
    const { code, detail, leg, prices } = answer.body;
    if (Array.isArray(prices)) {
      answer.legs.forEach((id, n) => {
        const known = cells.get(id);
        if (prices[n]) cells.apply([[id, prices[n], known?.state ?? "open", known?.at ?? Date.now()]]);
      });
    }
    const which = this.legs.find((one) => one.id === answer.legs[(leg ?? 0) - 1]);
    if (answer.status === 401) return "You are logged out. Log in to place this bet.";
    return `${which ? `${which.side}: ` : ""}${detail} ${this.#bounds(answer.body)}${ADVICE[code] ?? ""}`;
  }

  /** @param {Record<string, string>} body */
  #bounds(body) {
    if (body.stake_min) return `It is ${body.stake_min} ${CURRENCY}. `;
    return body.payout_max ? `It is ${body.payout_max} ${CURRENCY}. ` : "";
  }

  /** One line for each: of several singles each is refused for a reason of its own.
   * @param {string[]} texts */
  #problem(...texts) {
    const note = this.#el("slip-problem");
    note.replaceChildren(
      ...texts.map((text) => Object.assign(document.createElement("div"), { textContent: text })),
    );
    note.hidden = texts.every((text) => text === "");
    if (!note.hidden) this.#say(texts.join(" "));
  }

  #summary() {
    const odds = this.legs.length > 1 ? `, total odds ${totalOdds(this.legs.map((leg) => this.#now(leg).price))}` : "";
    this.#say(`${this.legs.length} on the slip${odds}`);
  }

  /** @param {string} text */
  #say(text) {
    this.#el("slip-say").textContent = text;
  }
}

/** @param {Element} item @param {string} selector @returns {HTMLElement} */
function part(item, selector) {
  return /** @type {HTMLElement} */ (item.querySelector(selector));
}

/** @param {HTMLElement} row @param {string} text */
function sum(row, text) {
  part(row, "dd").textContent = text;
}

/** Not while somebody types into it. @param {HTMLElement} input @param {string} value */
function write(input, value) {
  const field = /** @type {HTMLInputElement} */ (input);
  if (field !== document.activeElement && field.value !== value) field.value = value;
}

/** @param {HTMLElement} item @param {Leg} leg */
function fill(item, leg) {
  part(item, ".leg-side").textContent = leg.side;
  part(item, ".leg-market").textContent = leg.market;
  const link = /** @type {HTMLAnchorElement} */ (part(item, ".leg-event"));
  link.textContent = leg.name;
  link.href = `/events/${leg.event}`;
  part(item, ".remove .hidden").textContent = `Remove ${leg.side}`;
  part(item, ".leg-stake .hidden").textContent = `Stake on ${leg.side}`;
}
