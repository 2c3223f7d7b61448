// The page's words, which the server wrote in the reader's language, and what a screen reader hears.
"use strict";

(() => {
  const announcer = document.getElementById("announcer");

  // words("unsent", {n: 2}): the words of that name, {n} filled in.
  function words(name, values = {}) {
    const text = document.getElementById("words").content.querySelector(`[data-words="${name}"]`).textContent;
    return text.replace(/\{(\w+)\}/g, (_, value) => values[value]);
  }

  function say(text) {
    announcer.textContent = text;
  }

  // A notice for everybody's eyes and ears, gone with the next answer.
  function tell(name, values) {
    const notice = document.getElementById("plain-notice").content.cloneNode(true);
    notice.querySelector("p").textContent = words(name, values);
    document.getElementById("notices").replaceChildren(notice);
  }

  function hush() {
    document.getElementById("notices").querySelectorAll(".notice").forEach((old) => old.remove());
  }

  winnow.voice = { words, say, tell, hush };
})();
