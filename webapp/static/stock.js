// The reviews that this page holds: the one on screen and some ahead, each with its lease, kept alive while the page
// is looked at and given back when it closes.
"use strict";

(() => {
  const { server, outbox } = winnow;
  const { dataset } = document.getElementById("labelling");
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(`winnow:${dataset.user}:${dataset.project}`) : null;
  const changes = new EventTarget();

  let cards = []; // forms, the one on top first
  const done = new Map(); // answered here, by token: not to be shown again, but on top again after an undo
  let line = Promise.resolve(); // requests that change what is held, one after the other
  let asked = false;
  let staying = false;

  const token = (card) => card.dataset.lease;
  const tokens = () => cards.map(token);
  const changed = (name, detail) => changes.dispatchEvent(new CustomEvent(name, { detail }));

  // What the server need not send again.
  const have = () => [
    ...tokens().map((held) => ["have", held]),
    ["guidelines", document.getElementById("guidelines").dataset.guidelines],
  ];

  function inTurn(work) {
    line = line.catch(() => {}).then(work);
    return line;
  }

  // Ask for what is missing, and keep what is there. One request waits at most.
  function refill(first = null) {
    if (asked && !first) return line;
    asked = true;
    return inTurn(async () => {
      asked = false;
      const had = have();
      const { status, text } = await server.post(dataset.ahead, had);
      if (status !== 200 || !take(text, had, first)) changed("cut-off", status);
    });
  }

  // What the server sent to a page that had these: all that this person holds, in its order, and as cards those that
  // were missing. It may have been written before an answer whose reply has come in already: then it cannot know of
  // the cards that came with that reply, and they stay.
  function take(text, had, first = null) {
    const page = document.createElement("template");
    page.innerHTML = text;
    const sent = page.content.querySelector("[data-held]");
    if (!sent) return false;
    if (sent.dataset.user !== dataset.user) location.reload(); // somebody else has logged in here
    const unsent = new Set(outbox.unsent.entries().map((entry) => entry.token));
    // A card that came twice stays the one that was here: it may be on screen, with a note begun.
    const known = new Map([...sent.querySelectorAll("form[data-lease]"), ...cards].map((card) => [token(card), card]));
    const since = tokens().filter((held) => !had.some(([, value]) => value === held));
    const order = [...new Set([...sent.dataset.held.split(" "), ...since])]
      .filter((held) => known.has(held) && !unsent.has(held) && !done.has(held));
    const top = first ?? (cards.length ? token(cards[0]) : null);
    cards = order.sort((a, b) => (b === top) - (a === top)).map((held) => known.get(held));
    changed("filled", sent);
    return true;
  }

  // The card on top was answered: it leaves, and stays at hand in case the answer is taken back.
  function pass(card) {
    cards = cards.filter((other) => other !== card);
    done.set(token(card), card);
    channel?.postMessage({ answered: token(card) });
  }

  function putBack(lease) {
    const card = done.get(lease);
    if (!card) return null;
    done.delete(lease);
    cards.unshift(card);
    return card;
  }

  channel?.addEventListener("message", ({ data }) => {
    if (data.released) return refill();
    const card = cards.find((other) => token(other) === data.answered);
    if (!card) return;
    cards = cards.filter((other) => other !== card);
    changed("answered-elsewhere");
  });

  // An answer that is on its way keeps its lease; the rest is for others, unless one goes on in another page of ours.
  window.navigation?.addEventListener("navigate", (event) => {
    staying = new URL(event.destination.url).origin === location.origin;
  });
  window.addEventListener("pagehide", () => {
    if (staying || !cards.length) return;
    server.beacon(dataset.release, tokens().map((held) => ["lease", held]));
    channel?.postMessage({ released: true });
  });
  // Whoever comes back, to a page that the browser kept or from a closed lid, asks for the leases again.
  window.addEventListener("pageshow", ({ persisted }) => {
    staying = false;
    if (persisted) refill();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") refill();
  });
  setInterval(() => {
    if (document.visibilityState === "visible" && cards.length) refill();
  }, Number(dataset.renewSeconds) * 1000);

  let sentAlong = [];
  outbox.sendAlong(() => {
    sentAlong = have();
    return [["ahead", "1"], ...sentAlong];
  });
  outbox.changes.addEventListener("sent", ({ detail }) => {
    done.set(detail.token, null);
    if (detail.ahead) take(detail.ahead, sentAlong);
    else if (!cards.length) refill();
  });
  // If the review is still this person's, as after a change of the labels, it comes again as the server has it now.
  outbox.changes.addEventListener("refused", ({ detail }) => {
    done.delete(detail.token);
    refill();
  });

  winnow.stock = {
    refill, inTurn, have, take, pass, putBack, changes,
    top: () => cards[0] ?? null,
    start: (card) => cards.push(card),
  };
})();
