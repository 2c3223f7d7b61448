// Keys of the annotate page. Each is drawn on its button as data-key; this file only presses the button.
"use strict";

(() => {
  const { earlier } = winnow;
  const DOUBLE_CLICK_MS = 400;
  const page = document.querySelector("main.annotate");
  const desk = document.getElementById("desk");
  let lastClick = -Infinity;

  const reasons = () => desk.querySelector("details.skip[open]");
  const guidelines = () => page.querySelector("#guidelines[open]");

  function press(target) {
    if (!target) return false;
    if (target.tagName === "TEXTAREA") target.focus();
    else target.click();
    return true;
  }

  const drawn = (key, attribute) => [...page.querySelectorAll(`[${attribute}="${CSS.escape(key)}"]`)]
    .find((target) => target.checkVisibility?.() ?? true);

  // Esc leaves what is innermost: the note, the reasons, the guidelines, the earlier review.
  function escape(event) {
    const open = reasons() ?? guidelines();
    if (event.target.matches?.("#note")) desk.querySelector("[data-focus]").focus();
    else if (open) {
      open.open = false;
      (open.matches(".skip") ? desk.querySelector("[data-focus]") : open.querySelector("summary"))?.focus();
    } else if (earlier.looking()) earlier.back();
    else return;
    event.preventDefault();
  }

  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") return escape(event);
    // A held key answers one review, not all of them.
    if (event.repeat || event.altKey || event.isComposing || drawnKeys.areOff() || drawnKeys.isWriting(event.target)) return;
    const undo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey;
    if ((event.ctrlKey || event.metaKey) && !undo) return;
    const target = undo ? page.querySelector('[data-does="undo"]') : meant(drawnKeys.of(event), event.target);
    if (press(target)) event.preventDefault();
  });

  // While the reasons are open they have the keys; Enter is the last of them, none, until another has the focus.
  function meant(keys, focused) {
    if (reasons() && keys[0] === "enter" && !focused.closest(".skip-reasons")) return reasons().querySelector(".button-quiet");
    return keys.map((key) => drawn(key, reasons() ? "data-reason-key" : "data-key")).find(Boolean);
  }

  desk.addEventListener("toggle", (event) => {
    if (event.target.matches("details.skip[open]")) event.target.querySelector(".button-quiet").focus();
  }, { capture: true });

  // The second half of a double click would fall on the next review.
  document.addEventListener("click", (event) => {
    if (event.detail === 0 || !event.target.closest("#desk button:not([type=button])")) return;
    const now = performance.now();
    if (now - lastClick < DOUBLE_CLICK_MS) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else lastClick = now;
  }, { capture: true });

  const keysSwitch = document.querySelector("[data-keys-switch]");
  keysSwitch.checked = !drawnKeys.areOff();
  keysSwitch.addEventListener("change", () => drawnKeys.switchOn(keysSwitch.checked));
})();
