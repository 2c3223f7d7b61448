// Left and right through my last reviews, over the queue; an answer given there replaces the earlier one.
"use strict";

(() => {
  const { server, voice, outbox, stock, labelling } = winnow;
  const { dataset } = document.getElementById("labelling");
  const desk = document.getElementById("desk");
  // Nothing came back, or a proxy's word for it: the server may have taken the answer all the same.
  const NO_REPLY = [0, 502, 504];

  const looking = () => desk.querySelector("form[data-earlier]");

  const near = (form, query) => {
    const earlier = new URL(form.querySelector("[data-go=earlier]").href);
    earlier.search = query;
    return earlier;
  };

  async function load(address) {
    const { status, text } = await server.get(address);
    const page = document.createElement("template");
    page.innerHTML = text;
    return { status, card: page.content.querySelector("form[data-earlier]") };
  }

  function show(card) {
    labelling.show(card);
    voice.say(card.dataset.announce);
  }

  // What has not arrived yet would be missing there.
  async function open(address) {
    await outbox.flush();
    if (outbox.unsent.entries().length) return voice.tell("earlier-waits");
    const { status, card } = await load(address);
    if (status === 200 && card) show(card);
    else voice.tell(status === 200 ? "earlier-none" : "earlier-unreachable");
  }

  function back() {
    voice.hush();
    desk.replaceChildren();
    labelling.showTop();
    if (!stock.top()) stock.refill();
    voice.say(voice.words("back-in-queue"));
  }

  async function change(form, button) {
    const fields = [[button.name, button.value], ["note", form.elements.note.value]];
    const { status, text } = await server.post(form.getAttribute("action"), fields);
    if (status === 200) {
      back();
      voice.tell("changed");
      stock.refill();
    } else if (NO_REPLY.includes(status)) voice.tell("maybe-changed");
    else if (status !== 409 || await stands(form)) voice.tell("not-changed", { why: server.json(text)?.message ?? "" });
    else if (looking() === form) replaced(form);
  }

  // Whether the answer on screen is still mine to change: the first one from its number on is itself.
  async function stands(form) {
    const { card } = await load(near(form, `after=${form.dataset.earlier - 1}`));
    return card?.dataset.earlier === form.dataset.earlier;
  }

  // A change whose reply got lost took the place of the answer on screen, and is my newest one.
  async function replaced(form) {
    const { status, card } = await load(near(form, ""));
    if (status !== 200) return voice.tell("earlier-unreachable");
    if (card) show(card);
    else back();
    voice.tell("changed-before");
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-go]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.dataset.go === "queue") back();
    else open(link.href);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-earlier]") || !event.submitter) return;
    event.preventDefault();
    change(event.target, event.submitter);
  });

  winnow.earlier = { looking, back };
})();
