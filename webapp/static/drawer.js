// What this browser keeps for one person and project until the server has it: one entry a key, in order of time,
// so that two tabs never overwrite each other.
"use strict";

(() => {
  const { user, project } = document.getElementById("labelling").dataset;
  const memory = new Map(); // where a browser's storage is full or closed

  class Drawer {
    constructor(name) {
      this.prefix = `winnow-${name}:${user}:${project}:`;
    }

    add(entry) {
      const newest = this.entries().at(-1);
      const time = Math.max(Date.now(), newest ? newest.time + 1 : 0);
      const kept = { ...entry, time, key: `${this.prefix}${String(time).padStart(15, "0")}:${entry.token}` };
      this.write(kept);
      return kept;
    }

    write(entry) {
      try {
        localStorage.setItem(entry.key, JSON.stringify(entry));
      } catch {
        memory.set(entry.key, JSON.stringify(entry));
      }
    }

    remove(entry) {
      memory.delete(entry.key);
      try {
        localStorage.removeItem(entry.key);
      } catch { /* then it was kept in memory */ }
    }

    entries() {
      return [...new Set([...storedKeys(), ...memory.keys()])]
        .filter((key) => key.startsWith(this.prefix))
        .sort()
        .map((key) => JSON.parse(memory.get(key) ?? localStorage.getItem(key)))
        .filter((entry) => entry !== null);
    }
  }

  function storedKeys() {
    try {
      return Object.keys(localStorage);
    } catch {
      return [];
    }
  }

  // The one case in which closing the page would lose something.
  window.addEventListener("beforeunload", (event) => {
    if (memory.size) event.preventDefault();
  });

  winnow.Drawer = Drawer;
})();
