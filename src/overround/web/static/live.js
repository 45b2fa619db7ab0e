// @ts-check
// One stream a page, for all its topics. It reconnects by itself after anything; while there is no
// stream it asks for the prices every five seconds; a hidden page neither listens nor asks.

/** @typedef {import("./cells.js").Row} Row */
/**
 * @typedef {object} Ears
 * @property {() => string[]} topics what the page wants to hear of
 * @property {() => string[]} ids the selections that it would ask for without a stream
 * @property {(rows: Row[], whole: boolean) => void} offers some selections are now so
 * @property {(gone: string[]) => void} closed these are laid no more
 * @property {(topics: string[]) => void} hint something of these topics has changed
 * @property {(state: State) => void} state
 */
/** @typedef {"live" | "polling" | "stale" | "off"} State */

const SILENCE_MS = 15_000;
const POLL_MS = 5_000;
const WAIT_MS = 250;
const WAIT_MS_MAX = 4_000;
const IDS_MAX = 150;

export class Live {
  /** @type {EventSource | null} */ #source = null;
  /** @type {Ears} */ #ears;
  #topics = "";
  #heardAt = 0;
  #polledAt = 0;
  #answeredAt = Date.now();
  #tries = 0;
  #opensAt = 0;
  #asking = false;

  /** @param {Ears} ears */
  constructor(ears) {
    this.#ears = ears;
  }

  start() {
    document.addEventListener("visibilitychange", () => this.#turn());
    addEventListener("online", () => this.#again(0));
    addEventListener("pagehide", () => this.#stop());
    addEventListener("pageshow", () => this.#turn());
    setInterval(() => this.#tick(), 500);
    this.#open();
  }

  /** The page may want to hear of other things now. */
  retune() {
    if (this.#ears.topics().join(",") !== this.#topics) this.#open();
  }

  #turn() {
    if (document.hidden) this.#stop();
    else if (!this.#source) this.#again(0);
  }

  #stop() {
    this.#source?.close();
    this.#source = null;
  }

  /** @param {number} wait_ms */
  #again(wait_ms) {
    this.#stop();
    this.#opensAt = Date.now() + wait_ms;
  }

  #open() {
    this.#stop();
    this.#opensAt = 0;
    this.#topics = this.#ears.topics().join(",");
    if (!this.#topics || document.hidden) return;
    const source = new EventSource(`/api/v1/stream?topics=${encodeURIComponent(this.#topics)}`);
    this.#source = source;
    source.onopen = () => this.#heard();
    source.onerror = () => this.#lost(source);
    source.addEventListener("offers", (event) => this.#offers(event.data, false));
    source.addEventListener("snapshot", (event) => this.#offers(event.data, true));
    source.addEventListener("hint", (event) => {
      this.#heard();
      this.#ears.hint(JSON.parse(event.data).topics);
    });
    source.addEventListener("beat", () => this.#heard());
    // The server is going: after a wait that is not everybody's, another one answers.
    source.addEventListener("bye", (event) => this.#again(JSON.parse(event.data).retry_ms));
  }

  #heard() {
    this.#heardAt = this.#answeredAt = Date.now();
    this.#tries = 0;
    this.#ears.state("live");
  }

  /** @param {string} data @param {boolean} whole */
  #offers(data, whole) {
    this.#heard();
    this.#ears.offers(JSON.parse(data).o, whole);
  }

  /** @param {EventSource} source */
  #lost(source) {
    if (source !== this.#source) return;
    this.#tries += 1;
    const most = Math.min(WAIT_MS * 2 ** this.#tries, WAIT_MS_MAX);
    this.#again(most / 2 + (Math.random() * most) / 2);
  }

  #tick() {
    if (document.hidden) return;
    const now = Date.now();
    if (!this.#source && this.#opensAt && now >= this.#opensAt) this.#open();
    const streaming = this.#source?.readyState === EventSource.OPEN;
    const quiet = streaming && now - this.#heardAt > SILENCE_MS;
    // Silence may be a quiet market or a dead line; asking tells which.
    if ((!streaming || quiet) && now - this.#polledAt > POLL_MS) void this.ask();
    if (now - this.#answeredAt > SILENCE_MS) {
      this.#ears.state("stale");
      if (quiet && now - this.#heardAt > 2 * SILENCE_MS) this.#again(0);
    } else if (!streaming && now - this.#heardAt > 2_000) {
      this.#ears.state("polling");
    }
  }

  /** Ask for the prices of some selections, by default of all that are shown. */
  async ask(wanted = this.#ears.ids()) {
    if (this.#asking || !wanted.length) return;
    this.#asking = true;
    this.#polledAt = Date.now();
    try {
      for (let from = 0; from < wanted.length; from += IDS_MAX) {
        const some = wanted.slice(from, from + IDS_MAX);
        const answer = await fetch(`/api/v1/offers?selections=${some.join(",")}`, {
          signal: AbortSignal.timeout(POLL_MS),
        });
        if (!answer.ok) return;
        /** @type {Row[]} */
        const rows = (await answer.json()).o;
        this.#answeredAt = Date.now();
        const there = new Set(rows.map((row) => row[0]));
        this.#ears.offers(rows, false);
        this.#ears.closed(some.filter((id) => !there.has(id)));
      }
    } catch {
      // Nobody answers: the next tick asks again, and the badge says how long it has been.
    } finally {
      this.#asking = false;
    }
  }
}
