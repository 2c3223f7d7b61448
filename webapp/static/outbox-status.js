// What people see of the outbox: nothing while answers get through, a quiet count while they wait, and each answer
// that the server refused, until it is dismissed.
"use strict";

(() => {
  const { outbox, voice } = winnow;
  const status = document.getElementById("unsent");
  const list = document.getElementById("refused");
  const PATIENCE_MS = 1_500;
  let waiting = false;
  let timer = null;

  const unsent = () => outbox.unsent.entries().length;

  // Answers are usually gone before one could read that they are not.
  function follow() {
    if (!unsent()) {
      clearTimeout(timer);
      timer = null;
      if (waiting) voice.say(voice.words("all-sent"));
      waiting = false;
    } else timer ??= setTimeout(show, PATIENCE_MS);
    if (waiting || !unsent()) show();
  }

  function show() {
    const count = unsent();
    status.hidden = count === 0;
    if (count === 0) return;
    const state = outbox.state();
    status.querySelector("[data-count]").textContent = voice.words("unsent", { n: count });
    status.querySelectorAll("[data-state]").forEach((part) => {
      part.hidden = part.dataset.state !== (state === "logged-out" ? state : "unreachable");
    });
    if (!waiting) voice.say(voice.words(state === "logged-out" ? "log-in-again" : "unsent-kept", { n: count }));
    waiting = true;
  }

  function showRefused() {
    list.replaceChildren(...outbox.refused.entries().map(refusal));
    list.hidden = !list.childElementCount;
  }

  function refusal(entry) {
    const notice = document.getElementById("refusal").content.cloneNode(true);
    const fill = (name, text) => {
      notice.querySelector(`[data-${name}]`).textContent = text;
    };
    fill("reason", entry.reason || voice.words("refused-reason"));
    fill("text", entry.text);
    fill("answer", entry.words);
    fill("note", entry.note);
    notice.querySelector("[data-note]").closest("p").hidden = !entry.note;
    notice.querySelector("button").addEventListener("click", () => {
      outbox.refused.remove(entry);
      showRefused();
      document.querySelector("#desk [data-focus]")?.focus(); // the button that had it is gone
    });
    return notice;
  }

  outbox.changes.addEventListener("state", follow);
  outbox.changes.addEventListener("refused", () => {
    showRefused();
    voice.say(voice.words("refused"));
  });
  window.addEventListener("storage", () => {
    follow();
    showRefused();
  });
  showRefused();
  follow();
})();
