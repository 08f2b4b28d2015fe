// Runs before the page is painted, so that a chosen theme never flashes: a plain script, not a module.
"use strict";

(() => {
  const chosen = localStorage.getItem("ecrlan.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
