// @ts-check
// Asking for a bet, once. The key and the body are kept until they are answered: a double click, a
// retry, a reload and a server that died in between all send the same key, so there is one bet. What
// was asked belongs to the player who asked: it is never sent again for whoever is logged in now.

/** @typedef {{key: string, body: string, legs: string[], at: number, player: string}} Asked */
/** @typedef {{status: number, body: any, legs: string[]}} Answer */

const STORE = "slip.asked";
const WAITS_MS = [300, 700, 1500, 3000, 5000, 8000];
// After this long the prices and the wish are old: it is not asked again without the person.
const AGE_MS_MAX = 120_000;
const PLAYER = document.body.dataset.player ?? "";

/** A key nobody else has. @returns {string} */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `slip-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** @returns {Asked[]} */
function load() {
  try {
    return JSON.parse(localStorage.getItem(STORE) ?? "[]");
  } catch {
    return [];
  }
}

/** @param {Asked[]} all */
function save(all) {
  localStorage.setItem(STORE, JSON.stringify(all));
}

/** What this player asked and was never answered, not too long ago. @returns {Asked[]} */
export function unanswered() {
  const found = load().filter((one) => Date.now() - one.at < AGE_MS_MAX);
  save(found);
  return found.filter((one) => PLAYER !== "" && one.player === PLAYER);
}

/** Keep what is going to be asked. @param {object} slip @param {string[]} legs @returns {Asked} */
export function keep(slip, legs) {
  const body = JSON.stringify(slip);
  const asked = { key: newKey(), body, legs, at: Date.now(), player: PLAYER };
  save([...load(), asked]);
  return asked;
}

/**
 * Ask until there is an answer; null when there is none yet, and then it is still kept.
 * @param {Asked} asked @returns {Promise<Answer | null>}
 */
export async function ask(asked) {
  for (const wait_ms of [0, ...WAITS_MS]) {
    await new Promise((resolve) => setTimeout(resolve, wait_ms * (0.7 + Math.random() * 0.6)));
    const answer = await once(asked);
    if (answer) {
      save(load().filter((one) => one.key !== asked.key));
      return answer;
    }
  }
  return null;
}

/** @param {Asked} asked @returns {Promise<Answer | null>} */
async function once(asked) {
  try {
    const response = await fetch("/api/v1/bets", {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "Idempotency-Key": asked.key,
        "X-Player-ID": asked.player,
      },
      body: asked.body,
      signal: AbortSignal.timeout(10_000),
    });
    // Too many, too slow, or broken inside: nobody has decided about the bet.
    if (response.status >= 500 || [408, 425, 429].includes(response.status)) return null;
    return { status: response.status, body: await response.json(), legs: asked.legs };
  } catch {
    return null;
  }
}
