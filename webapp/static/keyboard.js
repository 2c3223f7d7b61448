// Keys of the annotate page. Each is drawn on its button as data-key; this file only presses the button.
"use strict";

(() => {
  const SWITCH = "winnow-keys";
  const DOUBLE_CLICK_MS = 400;
  let lastClick = -Infinity;

  const card = () => document.getElementById("card");
  const writing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;
  const switchedOff = () => localStorage.getItem(SWITCH) === "off";

  // The key as drawn. Digits go by their place, since some layouts need Shift for them; so do letters under an
  // input method, which hides them.
  function drawnKey(event) {
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code);
    if (event.key === "?") return "?";
    if (digit) return digit[1];
    const letter = event.key.length === 1 ? null : /^Key([A-Z])$/.exec(event.code);
    return (letter ? letter[1] : event.key).toLowerCase();
  }

  function press(key) {
    const target = card()?.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!target) return false;
    if (target.tagName === "TEXTAREA") target.focus();
    else {
      target.classList.add("is-pressed");
      target.click();
    }
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.id === "note") card().querySelector("[data-focus]").focus();
    // A held key answers one review, not all of them.
    if (event.repeat || event.altKey || switchedOff() || writing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const undo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey;
    if ((event.ctrlKey || event.metaKey) && !undo) return;
    if (press(undo ? "u" : drawnKey(event))) event.preventDefault();
  });

  // The second half of a double click would fall on the next review.
  document.addEventListener("click", (event) => {
    if (event.detail === 0 || !event.target.closest("#card button:not([type=button])")) return;
    const now = performance.now();
    if (now - lastClick < DOUBLE_CLICK_MS) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else lastClick = now;
  }, { capture: true });

  document.addEventListener("htmx:afterRequest", () => {
    document.querySelectorAll(".is-pressed").forEach((button) => button.classList.remove("is-pressed"));
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const fresh = card();
    if (!fresh || !(event.detail.elt === fresh || fresh.contains(event.detail.elt))) return;
    document.getElementById("announcer").textContent = fresh.dataset.announce;
    fresh.querySelector("[data-focus]")?.focus({ preventScroll: true });
  });

  const keysSwitch = document.querySelector("[data-keys-switch]");
  keysSwitch.checked = !switchedOff();
  keysSwitch.addEventListener("change", () => localStorage.setItem(SWITCH, keysSwitch.checked ? "on" : "off"));
})();
