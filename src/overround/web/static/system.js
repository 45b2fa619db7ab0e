// @ts-check
// A system: every line of so many of the selections, and a banker in each of them. What it shows is
// what the book computes: the same lines, the same share of the stake on each.

import { eachWaySystem } from "./each_way.js";
import { minor, returned, shown, systemLines, systemReturn } from "./sums.js";

const NAMES = ["", "Singles", "Doubles", "Trebles", "Fourfolds", "Fivefolds", "Sixfolds", "Sevenfolds", "Eightfolds"];
/** The full covers that have names, by their selections; with singles and without. */
const COVERS = /** @type {Record<string, Record<number, string>>} */ ({
  with: { 3: "Patent", 4: "Lucky 15", 5: "Lucky 31", 6: "Lucky 63" },
  without: { 3: "Trixie", 4: "Yankee", 5: "Canadian", 6: "Heinz", 7: "Super Heinz", 8: "Goliath" },
});

/** @typedef {{price: string, banker: boolean, terms: string}} Part */

export class System {
  /** How many of the selections that are no bankers a line has. @type {number[]} */ sizes = [];
  stake = "";
  mode = "unit";
  /** @type {HTMLElement} */ #panel;
  /** @type {HTMLElement} */ #lines;
  /** @type {HTMLElement} */ #covers;
  /** @type {() => void} */ #changed;
  #decimals;
  #free = -1;

  /** @param {number} decimals @param {() => void} changed */
  constructor(decimals, changed) {
    this.#panel = el("slip-system");
    this.#lines = el("system-lines");
    this.#covers = el("system-covers");
    this.#decimals = decimals;
    this.#changed = changed;
    const stake = /** @type {HTMLInputElement} */ (el("system-stake"));
    stake.addEventListener("input", () => {
      this.stake = stake.value;
      changed();
    });
    const mode = /** @type {HTMLSelectElement} */ (el("system-mode"));
    mode.addEventListener("change", () => {
      this.mode = mode.value;
      changed();
    });
    this.#lines.addEventListener("change", (event) => {
      const box = /** @type {HTMLInputElement} */ (event.target);
      this.sizes = this.sizes.filter((size) => size !== Number(box.value));
      if (box.checked) this.sizes.push(Number(box.value));
      changed();
    });
  }

  /** What is kept of it. */
  kept() {
    return { sizes: this.sizes, stake: this.stake, mode: this.mode };
  }

  /** @param {{sizes?: number[], stake?: string, mode?: string} | undefined} kept */
  load(kept) {
    this.sizes = kept?.sizes ?? [2];
    this.stake = kept?.stake ?? "";
    this.mode = kept?.mode === "total" ? "total" : "unit";
  }

  /** Show what holds for these legs. @param {boolean} chosen @param {Part[]} parts */
  update(chosen, parts) {
    this.#panel.hidden = !chosen;
    if (!chosen) return;
    const free = parts.filter((part) => !part.banker).length;
    if (free !== this.#free) this.#build(free, parts.length - free);
    for (const box of this.#lines.querySelectorAll("input")) {
      box.checked = this.sizes.includes(Number(box.value));
    }
    for (const button of this.#covers.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.sizes === this.#playable(free).join()));
    }
    const stake = /** @type {HTMLInputElement} */ (el("system-stake"));
    if (stake !== document.activeElement) stake.value = this.stake;
    stake.setAttribute("aria-invalid", String(this.stake !== "" && minor(this.stake, this.#decimals) === null));
    /** @type {HTMLSelectElement} */ (el("system-mode")).value = this.mode;
  }

  /** The kinds of lines for so many selections. @param {number} free @param {number} bankers */
  #build(free, bankers) {
    this.#free = free;
    const active = document.activeElement;
    const at = active instanceof HTMLInputElement && this.#lines.contains(active) ? active.value : "";
    this.#lines.replaceChildren(
      ...count(free).map((size) => {
        const lines = systemLines(free, [size]);
        const box = Object.assign(document.createElement("input"), { type: "checkbox", value: String(size) });
        const name = document.createElement("span");
        // With a banker in every line a "double" would be one of three legs.
        name.textContent = bankers ? `${size} of ${free} with the ${bankers === 1 ? "banker" : "bankers"}` : (NAMES[size] ?? `${size}-folds`);
        const number = document.createElement("span");
        number.className = "quiet";
        number.textContent = lines === 1n ? "1 line" : `${lines} lines`;
        const label = document.createElement("label");
        label.append(box, name, number);
        return label;
      }),
    );
    if (at) /** @type {HTMLElement | null} */ (this.#lines.querySelector(`[value="${at}"]`))?.focus();
    this.#covers.replaceChildren(
      ...[COVERS.with[free], COVERS.without[free]].flatMap((name, n) => (name ? [this.#cover(name, count(free).slice(n))] : [])),
    );
    this.#covers.hidden = !this.#covers.childElementCount;
  }

  /** @param {string} name @param {number[]} sizes */
  #cover(name, sizes) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
    button.className = "chip";
    button.dataset.sizes = sizes.join();
    button.addEventListener("click", () => {
      this.sizes = sizes;
      this.#changed();
    });
    return button;
  }

  /** The chosen sizes that so many selections can have. @param {number} free */
  #playable(free) {
    return this.sizes.filter((size) => size <= free).sort((a, b) => a - b);
  }

  /** What it costs and pays at most; each way of both parts, whose lines have a unit each.
   * @param {Part[]} parts @param {boolean} [eachWay] */
  sums(parts, eachWay = false) {
    const free = parts.filter((part) => !part.banker).length;
    const sizes = this.#playable(free);
    const lines = systemLines(free, sizes);
    const typed = minor(this.stake, this.#decimals);
    const total = typed === null ? 0n : this.mode === "unit" ? typed * lines : typed;
    const unit = lines ? total / lines : 0n;
    if (eachWay) return { lines: 2n * lines, total: 2n * total, pays: eachWaySystem(total, parts, sizes), unit };
    const wins = parts.map(({ price, banker }) => ({ returns: returned(price), banker }));
    const [above, below] = systemReturn(total, wins, sizes);
    return { lines, total, pays: above / below, unit };
  }

  /** What the sum of the lines says: "7 × 2.00". @param {Part[]} parts @param {boolean} eachWay */
  said(parts, eachWay) {
    const { lines, unit } = this.sums(parts, eachWay);
    return `${lines}${unit ? ` × ${shown(unit, this.#decimals)}` : ""}`;
  }

  /** Why it cannot be placed as it is; "" when it can. @param {Part[]} parts */
  reason(parts) {
    const free = parts.filter((part) => !part.banker).length;
    if (parts.length < 3) return "A system has at least three selections.";
    if (free < 2) return "At least two selections are no bankers.";
    if (!this.#playable(free).length) return "Choose the lines first.";
    if (this.stake === "") return "Type a stake first.";
    const { lines, total } = this.sums(parts);
    if (total && total < lines) return "Every line has a stake of its own: raise it.";
    return "";
  }

  /** What the API is asked for besides the legs. @param {Part[]} parts */
  body(parts) {
    const bankers = parts.filter((part) => part.banker).length;
    return {
      sizes: this.#playable(parts.length - bankers).map((size) => size + bankers),
      stake_mode: this.mode,
    };
  }
}

/** 1, 2, ..., n. @param {number} n */
function count(n) {
  return Array.from({ length: n }, (_, k) => k + 1);
}

/** @param {string} id @returns {HTMLElement} */
function el(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
