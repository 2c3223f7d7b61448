// How long the review on screen has been looked at; a hidden page does not count.
"use strict";

(() => {
  const LONGEST_SECONDS = 86_400;
  let seenMs = 0;
  let seenSince = null;

  function look() {
    if (document.visibilityState === "visible") seenSince ??= performance.now();
    else if (seenSince !== null) {
      seenMs += performance.now() - seenSince;
      seenSince = null;
    }
  }

  function start() {
    seenMs = 0;
    seenSince = null;
    look();
  }

  function seconds() {
    const running = seenSince === null ? 0 : performance.now() - seenSince;
    return Math.min(LONGEST_SECONDS, (seenMs + running) / 1000).toFixed(1);
  }

  document.addEventListener("visibilitychange", look);
  winnow.stopwatch = { start, seconds };
})();
