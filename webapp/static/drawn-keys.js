// What the pages with keys share: which key was meant, and when keys are not meant at all.
"use strict";

window.drawnKeys = {
  // The key as drawn on its button. Digits go by their place, since some layouts need Shift for them; so do letters
  // under an input method, which hides them.
  of(event) {
    const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code);
    if (event.key === "?") return "?";
    if (digit) return digit[1];
    const letter = event.key.length === 1 ? null : /^Key([A-Z])$/.exec(event.code);
    return (letter ? letter[1] : event.key).toLowerCase();
  },
  isWriting: (element) => element.closest("input, textarea, select, [contenteditable]") !== null,
  areOff: () => localStorage.getItem("winnow-keys") === "off",
  switchOn: (on) => localStorage.setItem("winnow-keys", on ? "on" : "off"),
};
