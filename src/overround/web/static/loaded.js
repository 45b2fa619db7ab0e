// A script of its own, and no module: when the page's modules did not arrive (the server went away
// while the page was loading), the page is asked for again until they do.
(() => {
  const PATIENCE_MS = 8_000;
  const wait_ms = PATIENCE_MS * (1 + Math.random());
  setTimeout(() => {
    if (!document.documentElement.dataset.loaded) location.reload();
  }, wait_ms);
})();
