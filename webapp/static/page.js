// Small manners of every page. Each page works without this file.
"use strict";

const notices = () => document.getElementById("notices");

// Say that an answer did not reach the server; the page stays as it is, so that it can be sent again.
function tell(id) {
  const words = document.getElementById(id);
  notices().replaceChildren(words.content.cloneNode(true));
}
document.addEventListener("htmx:sendError", () => tell("not-sent"));
document.addEventListener("htmx:timeout", () => tell("not-sent"));
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, isError } = event.detail;
  if (!isError) return;
  // The server's own notices name their place; anything else is a proxy's page and not for showing.
  if (xhr.getResponseHeader("HX-Retarget") === "#notices") event.detail.shouldSwap = true;
  else tell("not-answered");
});
document.addEventListener("htmx:afterRequest", (event) => {
  // A refusal (409, 422) counts as successful for htmx; the notice that says so has just come in.
  const refused = event.detail.xhr.status >= 400;
  if (event.detail.successful && !refused) notices().querySelectorAll(".notice-error").forEach((old) => old.remove());
});

// A row of tabs that is longer than the window begins with the tab one is on in sight.
document.querySelectorAll(".tabs [aria-current]").forEach((tab) => {
  const row = tab.closest("ul");
  row.scrollLeft += tab.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - tab.offsetWidth) / 2;
});

// Menus close when one looks elsewhere.
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.menu[open], details.skip[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.activeElement?.closest("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// A fragment may have changed the address since the page was written: its filters go along into the other language.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[hreflang]");
  if (!link) return;
  const here = new URL(location.href);
  here.searchParams.set("lang", link.hreflang);
  link.href = here.href;
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
}, { capture: true });

// One press, one sending: the second half of a double click would take the place of the first one's answer, with its
// password that is shown once. On the window, after all scripts that send a form by themselves.
const RESEND_MS = 5_000; // whoever stopped it may send it again
let sentAt = new WeakMap();
window.addEventListener("submit", (event) => {
  const { target: form, defaultPrevented } = event;
  if (defaultPrevented || form.method !== "post") return;
  const now = performance.now();
  if (now - (sentAt.get(form) ?? -Infinity) < RESEND_MS) event.preventDefault();
  else sentAt.set(form, now);
});
window.addEventListener("pageshow", () => { sentAt = new WeakMap(); });

// A password is shown while its button is pressed in, and hidden again before it is sent.
const reveal = (button, shown) => {
  document.getElementById(button.dataset.reveal).type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", shown);
};
document.querySelectorAll("[data-reveal]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => reveal(button, button.getAttribute("aria-pressed") === "false"));
  button.form.addEventListener("submit", () => reveal(button, false));
});

// Browsers before 2025 do not know command and commandfor.
if (!("commandForElement" in HTMLButtonElement.prototype)) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[commandfor]");
    if (button) document.getElementById(button.getAttribute("commandfor")).showModal();
  });
}
