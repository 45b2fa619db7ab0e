// @ts-check
// The page asked for again, and what differs put in its place. Whoever is reading, has the focus
// somewhere or has unfolded something keeps it: elements are kept, only what changed is changed.

// The answer to a form is its page: it is asked for again at the page's own address, by this script
// and by whoever reloads.
const { page } = document.body.dataset;
if (page) history.replaceState(null, "", page);

let running = false;
let wanted = false;

/** Bring the regions marked `data-refresh` up to date. @param {() => void} [done] */
export async function refresh(done) {
  if (running) {
    wanted = true;
    return;
  }
  running = true;
  try {
    const answer = await fetch(location.href, {
      headers: { Accept: "text/html" },
      signal: AbortSignal.timeout(8000),
    });
    if (answer.redirected || !answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const region of document.querySelectorAll("[data-refresh]")) {
      const replacement = fresh.getElementById(region.id);
      if (replacement) merge(region, replacement);
    }
    done?.();
  } catch {
    // Not now; the next hint or timer asks again.
  } finally {
    running = false;
    if (wanted) {
      wanted = false;
      void refresh(done);
    }
  }
}

/** The shortest interval that a region asks for, in milliseconds; 0 for none. */
export function interval_ms() {
  const all = [...document.querySelectorAll("[data-every]")];
  const seconds = all.map((one) => Number(one instanceof HTMLElement ? one.dataset.every : 0));
  return seconds.length ? Math.min(...seconds) * 1000 : 0;
}

/** @param {Element} old @param {Element} fresh */
function merge(old, fresh) {
  const kept = new Map([...old.children].map((child, n) => [name(child, n), child]));
  /** @type {Node[]} */
  const wantedNodes = [];
  let n = 0;
  for (const node of [...fresh.childNodes]) {
    const same = node instanceof Element ? kept.get(name(node, n++)) : undefined;
    if (same && node instanceof Element && same.tagName === node.tagName) {
      update(same, node);
      wantedNodes.push(same);
    } else {
      wantedNodes.push(document.importNode(node, true));
    }
  }
  place(old, wantedNodes);
}

/** Elements that stay are not taken out on the way: that would lose the focus inside them.
 * @param {Element} parent @param {Node[]} nodes */
function place(parent, nodes) {
  const staying = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!staying.has(child)) child.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

/** @param {Element} old @param {Element} fresh */
function update(old, fresh) {
  // Prices live by the stream, which is ahead of any page.
  if (old.matches(".odd")) return;
  if (old instanceof HTMLFormElement && isTouched(old)) return;
  const version = fresh.getAttribute("data-version");
  if (version !== null && version === old.getAttribute("data-version")) return;
  for (const { name: key, value } of fresh.attributes) {
    if (old.getAttribute(key) !== value) old.setAttribute(key, value);
  }
  merge(old, fresh);
}

/** Whether somebody is filling the form in, or the server gave back what was typed into it.
 * @param {HTMLFormElement} form */
function isTouched(form) {
  if (form.dataset.kept !== undefined) return true;
  return [...form.elements].some((field) => {
    if (field instanceof HTMLSelectElement) {
      const was = [...field.options].findIndex((one) => one.defaultSelected);
      return field.selectedIndex !== Math.max(was, 0);
    }
    if (field instanceof HTMLTextAreaElement) return field === document.activeElement || field.value !== field.defaultValue;
    if (!(field instanceof HTMLInputElement) || ["hidden", "radio"].includes(field.type)) return false;
    if (field.type === "checkbox") return field.checked !== field.defaultChecked;
    return field === document.activeElement || field.value !== field.defaultValue;
  });
}

/** @param {Element} element @param {number} n */
function name(element, n) {
  return element.getAttribute("data-key") ?? element.getAttribute("data-s") ?? `${element.tagName}${n}`;
}
