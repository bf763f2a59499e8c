// On a phone: one entry at a time, with the way to the next and where one is.

import { fill, grow } from "./sheet-row.js";

export class Cards {
  constructor(sheet) {
    this.sheet = sheet;
    this.at = null;
    this.bar = document.getElementById("cards");
    this.narrow = window.matchMedia("(max-width: 640px)");
    this.narrow.addEventListener("change", () => this.start());
    this.bar.hidden = false;
    this.bar.addEventListener("click", (event) => { if (event.target.value) this.step(Number(event.target.value)); });
    this.start();
  }

  get on() { return this.narrow.matches; }

  // What was reported before this visit is leafed through only when it is asked for.
  get list() {
    const all = [...this.sheet.form.querySelectorAll(".entry:not([hidden])")];
    const open = all.filter((element) => element.dataset.entry);
    return open.length ? open : all;
  }

  start() {
    this.sheet.form.classList.toggle("cards", this.on);
    if (!this.on) return;
    const list = this.list;
    this.set(list.includes(this.at) ? this.at : list[0]);
  }

  set(element) {
    if (this.at) this.at.classList.remove("current");
    this.at = element || null;
    if (element) {
      element.classList.add("current");
      for (const cell of element.querySelectorAll("textarea")) grow(cell);
    }
    this.position();
  }

  to(row) { if (this.on) this.set(row.element); }

  step(by) {
    const list = this.list, to = list[list.indexOf(this.at) + by];
    if (!to) return;
    this.set(to);
    to.scrollIntoView({ block: "start" });
    const first = to.querySelector("select:not(:disabled), a");
    if (first) first.focus({ preventScroll: true });
  }

  // After an entry is handed in.
  next() { if (this.on) this.step(1); }

  position() {
    if (!this.on) return;
    const list = this.list, at = list.indexOf(this.at);
    this.bar.querySelector("span").textContent = fill(this.sheet.words.position, { at: at + 1, of: list.length });
    this.bar.querySelector("[value='-1']").disabled = at <= 0;
    this.bar.querySelector("[value='1']").disabled = at >= list.length - 1;
  }
}
