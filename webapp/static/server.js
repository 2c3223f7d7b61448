// Requests of the labelling page. A form's token that went stale is fetched again, once a request.
"use strict";

window.winnow = {};

(() => {
  const { dataset } = document.getElementById("labelling");
  const TIMEOUT_MS = 15_000;
  let token = dataset.csrf;

  // Status 0: no answer came. A redirect is the way to the login page.
  async function request(address, options) {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(address, { redirect: "manual", signal, ...options });
      if (response.type === "opaqueredirect") return { status: 401, text: "" };
      return { status: response.status, text: await response.text() };
    } catch {
      return { status: 0, text: "" };
    }
  }

  // The status that a refreshed token leads to: 200, or why there is none. Another person's is none of ours.
  async function refresh() {
    const { status, text } = await request(dataset.token);
    if (status !== 200) return status;
    const fresh = json(text);
    if (String(fresh?.user) !== dataset.user) return 401;
    token = fresh.token;
    return 200;
  }

  const send = (address, fields) => request(address, {
    method: "POST",
    headers: { "X-Requested-With": "fetch" },
    body: new URLSearchParams([["csrf_token", token], ...fields]),
  });

  async function post(address, fields) {
    const first = await send(address, fields);
    if (first.status !== 403) return first;
    const status = await refresh();
    return status === 200 ? send(address, fields) : { status, text: "" };
  }

  const get = (address) => request(address, { headers: { "HX-Request": "true" } });

  // What still goes out while the page closes.
  const beacon = (address, fields) => navigator.sendBeacon(
    address, new URLSearchParams([["csrf_token", token], ...fields]));

  function json(text) {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  winnow.server = { post, get, beacon, json };
})();
