// The account's key fields take the key that is pressed; without this file one types it, an arrow as a sign.
// Swiping is switched on for this device alone.
"use strict";

(() => {
  const ARROWS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

  document.addEventListener("keydown", (event) => {
    if (!event.target.matches("[data-key-field]") || event.ctrlKey || event.metaKey || event.altKey) return;
    const sign = ARROWS[event.key] ?? (event.key.length === 1 && event.key.trim() ? event.key.toUpperCase() : null);
    if (!sign) return;
    event.preventDefault();
    event.target.value = sign;
    event.target.select();
  });

  const swipe = document.querySelector("[data-swipe-switch]");
  swipe.checked = localStorage.getItem("winnow-swipe") === "on";
  swipe.addEventListener("change", () => localStorage.setItem("winnow-swipe", swipe.checked ? "on" : "off"));
})();
