// Keep the review while it is looked at, give it back when its page closes, and time how long it was on screen.
"use strict";

(() => {
  let lease = null;
  let seenMs = 0;
  let seenSince = null;
  let timer = null;
  let staying = false;

  const form = () => document.querySelector("form[data-lease]");

  function send(address, keepalive) {
    const body = new FormData();
    body.append("csrf_token", form().elements.csrf_token.value);
    return keepalive ? navigator.sendBeacon(address, body) : fetch(address, { method: "POST", body });
  }

  // An answer that comes after the lease ended is still taken if nobody else has the review: so no alarm here.
  function renew() {
    if (form() && document.visibilityState === "visible") send(form().dataset.renew).catch(() => {});
  }

  function look() {
    if (document.visibilityState === "visible") seenSince ??= performance.now();
    else if (seenSince !== null) {
      seenMs += performance.now() - seenSince;
      seenSince = null;
    }
  }

  function follow() {
    const current = form();
    if ((current?.dataset.lease ?? null) === lease) return;
    lease = current?.dataset.lease ?? null;
    seenMs = 0;
    seenSince = null;
    look();
    clearInterval(timer);
    if (current) timer = setInterval(renew, Number(current.dataset.renewSeconds) * 1000);
  }

  function secondsSeen() {
    const running = seenSince === null ? 0 : performance.now() - seenSince;
    return Math.min(86400, (seenMs + running) / 1000).toFixed(1);
  }

  document.addEventListener("visibilitychange", () => {
    look();
    renew();
  });
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.target === form()) event.detail.parameters.set("seconds", secondsSeen());
  });
  document.addEventListener("htmx:afterSettle", follow);

  // Going to another page of ours and back keeps the review; closing the tab or leaving gives it back.
  window.navigation?.addEventListener("navigate", (event) => {
    staying = new URL(event.destination.url).origin === location.origin;
  });
  window.addEventListener("pagehide", () => {
    if (!staying && form()) send(form().dataset.release, true);
  });
  // A reload gives the review back after its page was fetched again, and so does a page kept by the browser:
  // whoever comes back asks for the lease, and takes the best review if it is gone.
  window.addEventListener("pageshow", async () => {
    staying = false;
    follow();
    if (!form()) return;
    const answer = await send(form().dataset.renew).catch(() => null);
    if (answer?.status === 409) htmx.ajax("POST", form().dataset.next, { source: form(), target: "#card", swap: "outerHTML" });
  });
})();
