// @ts-check
// The kinds of bet as tabs: one of them is chosen, and the arrows lead from one to the next.

const TABS = ["singles", "combo", "system"];

/** @param {string} tab */
const el = (tab) => /** @type {HTMLElement} */ (document.getElementById(`tab-${tab}`));

/** @param {(tab: string) => void} show */
export function listen(show) {
  for (const [n, tab] of TABS.entries()) {
    el(tab).addEventListener("click", () => show(tab));
    el(tab).addEventListener("keydown", (event) => {
      const step = { ArrowLeft: TABS.length - 1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const other = TABS[(n + step) % TABS.length];
      show(other);
      el(other).focus();
    });
  }
}

/** @param {string} chosen */
export function choose(chosen) {
  for (const tab of TABS) {
    el(tab).setAttribute("aria-selected", String(tab === chosen));
    el(tab).tabIndex = tab === chosen ? 0 : -1;
  }
  document.getElementById("slip-panel")?.setAttribute("aria-labelledby", `tab-${chosen}`);
}
