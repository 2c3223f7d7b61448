// Answers on their way: kept in this browser until the server has them, sent in order, each under its lease's token,
// which makes sending it twice harmless.
"use strict";

(() => {
  const { server, Drawer } = winnow;
  const { user, project } = document.getElementById("labelling").dataset;
  const FIRST_WAIT_MS = 500;
  const LONGEST_WAIT_MS = 15_000;
  const LOCK_WAIT_MS = 20_000;
  // Answers that may come right in time: asked again later. Any other below 500 is a refusal.
  const LATER = [0, 401, 408, 425, 429];

  const unsent = new Drawer("unsent");
  const refused = new Drawer("refused");
  const changes = new EventTarget();
  let state = "sent"; // sent, sending, unreachable, logged-out
  let wait = FIRST_WAIT_MS;
  let timer = null;
  let running = null;
  let alongside = () => []; // fields by which the last answer asks for the next review

  const changed = (name, detail) => changes.dispatchEvent(new CustomEvent(name, { detail }));

  function become(next) {
    state = next;
    changed("state");
  }

  // One tab sends at a time; where the browser has no locks, the tokens alone keep each answer single.
  function alone(work) {
    if (!navigator.locks) return work();
    const signal = AbortSignal.timeout(LOCK_WAIT_MS);
    return navigator.locks.request(`winnow-outbox:${user}:${project}`, { signal }, work).catch(() => {
      timer = setTimeout(flush, wait); // another tab is at it, or stuck
    });
  }

  function flush() {
    clearTimeout(timer);
    running ??= alone(sendAll).finally(() => {
      running = null;
      if (state === "sent" && unsent.entries().length) flush(); // one came in at the very end
    });
    return running;
  }

  async function sendAll() {
    for (let entry = unsent.entries()[0]; entry; entry = unsent.entries()[0]) {
      become("sending");
      const reason = await send(entry);
      if (reason) return retryLater(reason);
    }
    wait = FIRST_WAIT_MS;
    become("sent");
  }

  // Empty once the server has decided; otherwise why the answer has to wait.
  async function send(entry) {
    unsent.write({ ...entry, tried: true });
    const last = unsent.entries().length === 1;
    const { status, text } = await server.post(entry.address, last ? [...entry.fields, ...alongside()] : entry.fields);
    const said = server.json(text);
    if (status < 300 && said?.annotation) {
      unsent.remove(entry);
      wait = FIRST_WAIT_MS;
      changed("sent", { ...entry, ahead: said.ahead });
      return "";
    }
    if (status < 400 || status >= 500 || LATER.includes(status)) {
      if (status === 401) unsent.write({ ...entry, tried: false });
      return status === 401 ? "logged-out" : "unreachable";
    }
    unsent.remove(entry);
    refuse({ ...entry, reason: said?.message ?? "" });
    return "";
  }

  // Kept in sight until its author dismisses it.
  function refuse(entry) {
    refused.add(entry);
    changed("refused", entry);
  }

  function retryLater(reason) {
    become(reason);
    timer = setTimeout(flush, wait);
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }

  function add(entry) {
    const kept = unsent.add({ ...entry, tried: false });
    changed("state");
    return kept;
  }

  // The newest answer, if it is certain that it never left: whoever takes it back has undone it.
  function takeBack() {
    const newest = unsent.entries().at(-1);
    if (!newest || newest.tried) return null;
    unsent.remove(newest);
    changed("state");
    return newest;
  }

  function again() {
    wait = FIRST_WAIT_MS;
    if (unsent.entries().length) flush();
  }

  window.addEventListener("online", again);
  window.addEventListener("focus", again);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") again();
  });

  winnow.outbox = {
    add, flush, takeBack, refuse, changes, unsent, refused,
    state: () => state,
    sendAlong: (fields) => {
      alongside = fields;
    },
  };
})();
