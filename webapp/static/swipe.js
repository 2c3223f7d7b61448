// On touch, for those who switched it on in their account: to the left is the first label, to the right the last.
"use strict";

(() => {
  const SWITCH = "winnow-swipe";
  const FAR_ENOUGH_PX = 90;
  const STEEPEST = 0.5;
  const desk = document.getElementById("desk");
  let start = null;

  if (localStorage.getItem(SWITCH) !== "on") return;
  desk.classList.add("swiping");

  const sheet = () => desk.querySelector("form[data-lease] .sheet-text");

  function button(distance) {
    const labels = desk.querySelectorAll("form[data-lease] .answer");
    return distance < 0 ? labels[0] : labels[labels.length - 1];
  }

  // Far enough, and sideways: everything else is scrolling.
  function meant(event) {
    const [x, y] = [event.clientX - start.x, event.clientY - start.y];
    return Math.abs(x) >= FAR_ENOUGH_PX && Math.abs(y) < STEEPEST * Math.abs(x) ? x : 0;
  }

  function light(target) {
    desk.querySelectorAll(".answer.is-given").forEach((other) => other.classList.remove("is-given"));
    target?.classList.add("is-given");
  }

  desk.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" && event.isPrimary && sheet()?.contains(event.target))
      start = { x: event.clientX, y: event.clientY };
  });
  desk.addEventListener("pointermove", (event) => {
    if (start) light(meant(event) ? button(meant(event)) : null);
  });
  desk.addEventListener("pointercancel", () => {
    start = null;
    light(null);
  });
  desk.addEventListener("pointerup", (event) => {
    const distance = start ? meant(event) : 0;
    start = null;
    light(null);
    if (distance) button(distance).click();
  });
})();
