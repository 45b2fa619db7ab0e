// @ts-check
// Rows of places on a phone are moved sideways: they begin at the place that is open.

for (const row of document.querySelectorAll(".main-nav, .sports")) {
  const here = row.querySelector("[aria-current]")?.getBoundingClientRect();
  const { left, width } = row.getBoundingClientRect();
  if (here) row.scrollLeft += here.left - left - (width - here.width) / 2;
}
