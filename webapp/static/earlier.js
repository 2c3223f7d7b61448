// Left and right through my last reviews, over the queue; an answer given there replaces the earlier one.
"use strict";

(() => {
  const { server, voice, outbox, stock, labelling } = winnow;
  const { dataset } = document.getElementById("labelling");
  const desk = document.getElementById("desk");

  const looking = () => desk.querySelector("form[data-earlier]");

  // What has not arrived yet would be missing there.
  async function open(address) {
    await outbox.flush();
    if (outbox.unsent.entries().length) return voice.tell("earlier-waits");
    const { status, text } = await server.get(address);
    const page = document.createElement("template");
    page.innerHTML = text;
    const card = page.content.querySelector("form[data-earlier]");
    if (status === 200 && card) {
      labelling.show(card);
      voice.say(card.dataset.announce);
    } else voice.tell(status === 200 ? "earlier-none" : "earlier-unreachable");
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
    } else voice.tell("not-changed", { why: server.json(text)?.message ?? "" });
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
