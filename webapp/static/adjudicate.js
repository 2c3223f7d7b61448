// Keys of the page that settles cases. Each is drawn on its button as data-key; this file only presses the button.
"use strict";

(() => {
  let leaving = false;

  const card = document.getElementById("card");
  const writing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;
  const switchedOff = () => localStorage.getItem("winnow-keys") === "off";

  // Digits go by their place, since some layouts need Shift for them; so do letters under an input method.
  function drawnKey(event) {
    if (event.key === "?") return "?";
    const placed = /^(?:Digit|Numpad)([1-9])$/.exec(event.code) ?? (event.key.length > 1 ? /^Key([A-Z])$/.exec(event.code) : null);
    return (placed ? placed[1] : event.key).toLowerCase();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.id === "reason") event.target.blur();
    if (event.repeat || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (leaving || switchedOff() || writing(event.target) || document.querySelector("dialog[open]")) return;
    const target = card?.querySelector(`[data-key="${CSS.escape(drawnKey(event))}"]`);
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
