// Keys of the page that settles cases. Each is drawn on its button as data-key; this file only presses the button.
"use strict";

(() => {
  let leaving = false;

  const card = document.getElementById("card");

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.id === "reason") event.target.blur();
    if (event.repeat || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (leaving || drawnKeys.areOff() || drawnKeys.isWriting(event.target) || document.querySelector("dialog[open]")) return;
    const target = drawnKeys.of(event).map((key) => card?.querySelector(`[data-key="${CSS.escape(key)}"]`)).find(Boolean);
    if (!target) return;
    event.preventDefault();
    if (target.tagName === "TEXTAREA") target.focus();
    else target.click();
  });

  // One press, one decision: the next page is on its way.
  card?.addEventListener("submit", (event) => {
    if (leaving) event.preventDefault();
    leaving = true;
  });
  window.addEventListener("pageshow", () => { leaving = false; });
})();
