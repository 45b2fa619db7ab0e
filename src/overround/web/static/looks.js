// @ts-check
// The page of the site's looks: the preview follows what is typed, colours have a picker, and a
// logo can be chosen as a file. Without it the form and its preview work as they stand.

import "./nav.js";

const STYLED = ["brand", "accent", "font", "heading_font", "layout"];
const FILE_BYTES_MAX = 9_000;

const form = /** @type {HTMLFormElement} */ (document.getElementById("looks"));
const style = /** @type {HTMLLinkElement} */ (document.getElementById("preview-style"));
const name = /** @type {HTMLInputElement} */ (form.elements.namedItem("name"));
const logo = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("logo"));
const manages = !name.readOnly;
let waiting = 0;

/** Show what the form says now, once it has been quiet for a moment. */
function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(show, 150);
}

function show() {
  const fields = new FormData(form);
  const asked = new URLSearchParams();
  for (const field of STYLED) {
    const value = String(fields.get(field) ?? "").trim();
    if (value && value.length <= 40) asked.set(field, value);
  }
  const address = `/office/theme/preview.css?${asked}`;
  if (style.getAttribute("href") !== address) style.href = address;
  for (const place of document.querySelectorAll(".preview-name")) {
    place.textContent = name.value.trim() || name.placeholder;
  }
  const shown = address_of(logo.value.trim());
  for (const place of document.querySelectorAll(".preview-logo")) {
    if (!(place instanceof HTMLImageElement)) continue;
    place.hidden = !shown;
    if (shown) place.src = shown;
  }
}

/** @param {string} text the text of an SVG, or an address */
function address_of(text) {
  if (text.startsWith("<")) return `data:image/svg+xml;base64,${base64(new TextEncoder().encode(text))}`;
  return /^data:image\/(png|webp|svg\+xml);base64,/.test(text) ? text : "";
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** @param {string} text */
function say(text) {
  const place = document.getElementById("say");
  if (place) place.textContent = text;
}

/** A picker beside a colour's text; the text is what counts.
 * @param {HTMLInputElement} field */
function pick(field) {
  const picker = document.createElement("input");
  const row = document.createElement("div");
  const follow = () => {
    const said = field.value.trim() || field.placeholder;
    if (/^#[0-9a-f]{6}$/i.test(said)) picker.value = said.toLowerCase();
  };
  picker.type = "color";
  picker.setAttribute("aria-label", `Pick: ${field.labels?.[0]?.textContent ?? field.name}`);
  row.className = "colour";
  field.replaceWith(row);
  row.append(field, picker);
  follow();
  field.addEventListener("input", follow);
  picker.addEventListener("input", () => {
    field.value = picker.value;
    soon();
  });
}

/** A file in place of the text. */
function take() {
  const chooser = document.createElement("input");
  chooser.type = "file";
  chooser.accept = ".svg,.png,.webp";
  chooser.setAttribute("aria-label", "Choose a file for the logo");
  logo.before(chooser);
  chooser.addEventListener("change", async () => {
    const file = chooser.files?.[0];
    if (!file) return;
    if (file.size > FILE_BYTES_MAX) {
      say(`${file.name} is too large: 9 kB at most.`);
      chooser.setCustomValidity("9 kB at most");
      chooser.reportValidity();
      return;
    }
    chooser.setCustomValidity("");
    const kind = file.type || "image/svg+xml";
    logo.value = `data:${kind};base64,${base64(new Uint8Array(await file.arrayBuffer()))}`;
    show();
  });
}

if (manages) {
  for (const field of ["brand", "accent"]) {
    pick(/** @type {HTMLInputElement} */ (form.elements.namedItem(field)));
  }
  take();
  form.addEventListener("input", soon);
  form.addEventListener("submit", (event) => {
    if (/** @type {HTMLButtonElement | null} */ (event.submitter)?.value !== "show") return;
    event.preventDefault();
    show();
    document.getElementById("preview-title")?.scrollIntoView();
  });
}
const wrong = form.querySelector("[aria-invalid]");
if (wrong instanceof HTMLElement) wrong.focus();
// Everything that this page runs has arrived (loaded.js).
document.documentElement.dataset.loaded = "true";
