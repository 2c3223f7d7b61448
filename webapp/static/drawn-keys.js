// What the pages with keys share: which keys may be meant, and when keys are not meant at all.
"use strict";

window.drawnKeys = {
  // The keys that may be meant, as drawn on their buttons: the one that was typed first, then the one of its place.
  // Some layouts need Shift for digits, and an input method hides letters. With Shift a sign was meant, though, and
  // a number pad without NumLock moves the cursor: there a digit's place says nothing.
  of(event) {
    const { key, code, shiftKey } = event;
    const [, digit, padDigit, letter] = /^(?:Digit([0-9])|Numpad([0-9])|Key([A-Z]))$/.exec(code) ?? [];
    const place = key.length > 1 ? (digit ?? letter) : (digit ?? padDigit);
    const typed = key.toLowerCase();
    return place && !(digit && shiftKey) ? [typed, place.toLowerCase()] : [typed];
  },
  isWriting: (element) => element.closest("input, textarea, select, [contenteditable]") !== null,
  areOff: () => localStorage.getItem("winnow-keys") === "off",
  switchOn: (on) => localStorage.setItem("winnow-keys", on ? "on" : "off"),
};
