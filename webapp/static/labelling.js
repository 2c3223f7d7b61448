// The labelling page: the next review stands there in the frame of the key press; its answer travels behind it.
"use strict";

(() => {
  const { server, voice, outbox, stock, stopwatch } = winnow;
  const { dataset } = document.getElementById("labelling");
  const desk = document.getElementById("desk");
  const LEAVE_MS = 120;
  const LOOK_AGAIN_S = [5, 60];
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let undoing = false;
  let lookAgain = null;

  const onScreen = () => desk.querySelector("form[data-lease]");

  // The stock's top, or why there is none. What one is reading is never exchanged without need.
  function showTop() {
    const card = stock.top();
    if (card && card === onScreen()) return;
    show(card ?? document.getElementById("coming").content.cloneNode(true));
    if (card) stopwatch.start();
    else stock.refill();
  }

  function show(content) {
    clearTimeout(lookAgain);
    desk.replaceChildren(content);
    desk.querySelectorAll("details[open]").forEach((details) => details.removeAttribute("open"));
    desk.querySelector("[data-focus]")?.focus({ preventScroll: true });
  }

  // A picture of the answered card goes off over the next one.
  function leave(card, button) {
    if (calm.matches) return;
    const ghost = card.querySelector(".sheet-text").cloneNode(true);
    ghost.className = `sheet-text leaving ${tone(button)}`;
    ghost.querySelector(".hero-text").classList.replace("hero-text", "hero-gone");
    ghost.removeAttribute("data-focus");
    ghost.setAttribute("aria-hidden", "true");
    ghost.inert = true;
    requestAnimationFrame(() => desk.append(ghost));
    setTimeout(() => ghost.remove(), LEAVE_MS);
  }

  function answer(card, button) {
    const fields = [
      [button.name, button.value],
      ["note", card.elements.note.value],
      ["seconds", stopwatch.seconds()],
    ];
    const words = button.dataset.words ?? button.querySelector("[data-label]").textContent;
    outbox.add({
      token: card.dataset.lease, address: card.getAttribute("action"), fields, words,
      text: card.querySelector(".hero-text").textContent, note: card.elements.note.value,
    });
    stock.pass(card);
    showTop();
    leave(card, button);
    voice.hush();
    showLast(button);
    const next = onScreen();
    voice.say(voice.words(next ? "answered-next" : "answered", { answer: words }));
    outbox.flush();
  }

  function showLast(button) {
    const last = document.getElementById("last-answer");
    last.replaceChildren(button.querySelector("[data-label]") ? badge(button) : button.dataset.words);
  }

  const tone = (button) => [...button.classList].filter((name) => name.startsWith("tone")).join(" ");

  function badge(button) {
    const kept = document.createElement("span");
    kept.className = `badge ${tone(button)}`;
    kept.append(...[".sign", "[data-label]"].map((part) => button.querySelector(part).cloneNode(true)));
    return kept;
  }

  // An answer that never left is taken back here; any other by the server, once it has decided about it.
  async function undo() {
    if (undoing) return;
    undoing = true;
    try {
      const last = outbox.takeBack();
      if (last) return putBack(last);
      await outbox.flush();
      if (outbox.unsent.entries().length) return voice.tell("undo-waits");
      await stock.inTurn(undoOnServer);
    } finally {
      undoing = false;
    }
  }

  async function putBack(last) {
    if (!stock.putBack(last.token)) await stock.refill(last.token);
    showTop();
    taken();
  }

  async function undoOnServer() {
    const had = stock.have();
    const { status, text } = await server.post(dataset.undo, had);
    if (status === 409) return voice.tell("nothing-to-undo");
    if (status !== 200 || !stock.take(text, had, topOf(text))) return voice.tell("undo-unreachable");
    showTop();
    taken();
    if (!topOf(text)) voice.tell("undone-elsewhere");
  }

  const topOf = (text) => /data-top="([^"]+)"/.exec(text)?.[1] ?? null;

  function taken() {
    document.getElementById("last-answer").replaceChildren();
    voice.say(voice.words("undone"));
  }

  function filled(sent) {
    showProgress(sent.querySelector("#progress"));
    showGuidelines(sent.querySelector("#guidelines"));
    if (desk.querySelector("form[data-earlier]")) return;
    const before = onScreen();
    const gone = before !== null && stock.top() !== before && sent.dataset.top === "";
    const end = sent.querySelector(".labelling-form:not([data-lease])");
    if (stock.top()) showTop();
    else if (end) showEnd(end);
    else cutOff(); // all that this person may hold is answered here, and waits
    if (gone) mourn(before);
  }

  // The lease of the review on screen lapsed and somebody else has it; a note that was begun stays in sight.
  function mourn(card) {
    const note = card.elements.note.value;
    const text = card.querySelector(".hero-text").textContent;
    const reason = voice.words("lease-gone");
    if (note) outbox.refuse({ token: card.dataset.lease, text, note, words: voice.words("none-yet"), reason });
    else voice.tell("lease-gone");
  }

  function showProgress(progress) {
    const before = document.getElementById("progress");
    before.replaceWith(progress);
    if (progress.dataset.goal && !before.dataset.goal) voice.tell("goal", { goal: progress.dataset.goal });
  }

  function showGuidelines(guidelines) {
    if (!guidelines) return;
    const before = document.getElementById("guidelines");
    guidelines.open = before.open;
    before.replaceWith(guidelines);
    voice.tell("guidelines-new");
  }

  function showEnd(end) {
    const same = desk.querySelector("[data-reason]")?.dataset.reason === end.dataset.reason;
    if (!same) voice.say(end.querySelector("h2").textContent);
    show(end);
    const seconds = Number(end.dataset.retry);
    const [soonest, latest] = LOOK_AGAIN_S;
    if (seconds) lookAgain = setTimeout(stock.refill, 1000 * Math.min(latest, Math.max(soonest, seconds)));
  }

  function cutOff(status) {
    if (status === 401 && !stock.top()) location.assign(document.querySelector("#unsent a").href);
    if (!status && outbox.state() === "sending") return; // then there is room in a moment
    if (stock.top() || desk.querySelector("form[data-earlier]")) return;
    if (!desk.querySelector("[data-cut-off]")) show(document.getElementById("cut-off").content.cloneNode(true));
    clearTimeout(lookAgain);
    lookAgain = setTimeout(stock.refill, 1000 * LOOK_AGAIN_S[0]);
  }

  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (!desk.contains(form)) return;
    const does = submitter?.dataset.does ?? (form.dataset.lease ? "answer" : form.dataset.does);
    if (!does || does === "change") return;
    event.preventDefault();
    if (does === "undo") undo();
    else if (does === "refill") stock.refill();
    else if (!undoing && submitter) answer(form, submitter);
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-closes-guide]")) document.getElementById("guidelines").open = false;
  });

  stock.changes.addEventListener("filled", ({ detail }) => filled(detail));
  stock.changes.addEventListener("cut-off", ({ detail }) => cutOff(detail));
  stock.changes.addEventListener("answered-elsewhere", showTop);

  outbox.changes.addEventListener("state", () => {
    if (outbox.state() === "unreachable") cutOff();
  });

  const first = onScreen();
  if (first && outbox.unsent.entries().some((entry) => entry.token === first.dataset.lease)) showTop();
  else if (first) {
    stock.start(first);
    stopwatch.start();
  }
  outbox.flush();
  stock.refill();

  winnow.labelling = { showTop, show, onScreen };
})();
