// The review queue in the browser: comforts over a form that works without them.

import { keys } from "./queue-keys.js";
import { Phrases } from "./queue-phrases.js";
import { Case } from "./queue-case.js";
import { Sender } from "./queue-send.js";
import { fill } from "./sheet-row.js";

class Queue {
  constructor(form) {
    this.form = form;
    this.words = JSON.parse(document.getElementById("queue-words").textContent);
    this.user = Number(form.dataset.user);
    this.rows = [...form.querySelectorAll("[data-entry]")].map((element) => new Case(element, this.words));
    this.byEntry = new Map(this.rows.map((row) => [row.entry, row]));
    this.decided = []; // in the order they were decided on, for taking back the last
    this.current = this.rows[0];
    this.further = form.querySelector("[data-further]");
    this.told = document.getElementById("queue-told");
    this.sure = document.getElementById("queue-sure");
    this.acceptChosen = form.querySelector("[name=do][value=accept]");
    this.sender = new Sender(this);
    this.phrases = new Phrases(this);
    form.classList.add("scripted");
    for (const one of form.querySelectorAll(".moves, .pick-all, .legend")) one.hidden = false;
    keys(this);
    this.listen();
    this.count();
    const named = this.rows.find((row) => `#${row.element.id}` === location.hash);
    if (named || location.hash === "#queue") (named || this.current).focus();
  }

  get open() { return this.rows.filter((row) => row.isOpen); }
  get unwritten() { return this.open.filter((row) => !row.reason.value.trim()); }
  get chosen() { return this.open.filter((row) => row.pick.checked); }

  rowOf(element) {
    const body = element.closest && element.closest("[data-entry]");
    return body && this.byEntry.get(Number(body.dataset.entry));
  }

  listen() {
    const { form } = this;
    form.addEventListener("focusin", (event) => { this.current = this.rowOf(event.target) || this.current; });
    form.addEventListener("change", () => this.count());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      if (event.submitter) this.press(event.submitter.value);
    });
    form.querySelector(".moves").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.move(button.dataset.key === "next" ? 1 : -1);
    });
    const all = document.getElementById("pick-all");
    all.addEventListener("change", () => {
      for (const row of this.open) row.pick.checked = all.checked;
      this.count();
    });
    this.sure.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.answer(button.dataset.sure === "yes");
    });
    this.further.addEventListener("click", (event) => {
      event.preventDefault();
      this.sender.flush().then(() => { if (!this.sender.waiting.length) this.leave(); });
    });
    for (const name of ["online", "focus", "pageshow"]) window.addEventListener(name, () => { if (this.sender.down) this.sender.flush(); });
    window.addEventListener("beforeunload", (event) => {
      if (this.sender.waiting.length || this.open.some((row) => row.reason.value.trim())) event.preventDefault();
    });
  }

  // Buttons, by the value they would send without this script.
  press(value) {
    const [act, one] = value.split("-");
    const row = one && this.byEntry.get(Number(one));
    if (act === "keep") this.phrases.keep(row);
    else if (act === "undo") this.undo(row);
    else if (row) this.decide([row], act);
    else if (act === "accept_all") this.ask();
    else if (this.chosen.length) this.decide(this.chosen, act);
    else this.tell(this.words.choose, []);
  }

  decide(rows, act) {
    const ready = rows.filter((row) => row.isOpen);
    if (act === "return" && ready.length && !ready[0].reason.value.trim()) {
      ready[0].fault(this.words.reason);
      ready[0].reason.focus();
      return;
    }
    if (!ready.length) return;
    this.sure.hidden = true;
    for (const row of ready) {
      row.ask(act);
      this.decided.push(row);
    }
    this.sender.flush();
    this.count();
    this.onward(ready[ready.length - 1]);
  }

  // Accepting everything is asked once, with how many there are; where a reason is being written, that one stays.
  ask() {
    if (!this.unwritten.length) return this.tell(this.words.none_left, []);
    document.getElementById("queue-asked").textContent = fill(this.words.sure, { n: this.unwritten.length });
    this.sure.hidden = false;
    this.sure.querySelector("button").focus();
    return undefined;
  }

  answer(yes) {
    this.sure.hidden = true;
    if (yes) this.decide(this.unwritten, "accept");
    else this.current.focus();
  }

  undo(row) {
    const last = row && !row.isOpen ? row : this.decided[this.decided.length - 1];
    if (!last || !last.takeBack()) return;
    this.sure.hidden = true;
    this.decided = this.decided.filter((one) => one !== last);
    this.sender.flush();
    this.count();
    last.focus();
  }

  move(by) {
    const to = this.rows[this.rows.indexOf(this.current) + by];
    if (to) to.focus();
    else if (by > 0 && !this.further.hidden) this.further.focus();
  }

  // To the next that is still open, else the first; where none is left, on to the next page.
  onward(row) {
    const after = this.rows.slice(this.rows.indexOf(row)).find((one) => one.isOpen) || this.open[0];
    if (after) after.focus();
    else this.further.focus();
  }

  count() {
    const open = this.open.length, chosen = this.chosen.length;
    this.form.querySelector("[data-count=done]").textContent = this.rows.length - open;
    this.acceptChosen.textContent = fill(this.words.chosen, { n: chosen });
    this.further.hidden = open > 0;
  }

  // The next page begins at its first entry. What is decided has left the queue, so that it often has the same address.
  leave() {
    const { further } = this;
    further.hash = "queue";
    if (further.pathname + further.search !== location.pathname + location.search) return location.assign(further.href);
    location.hash = "queue";
    return location.reload();
  }

  // What became of what was sent: only what did not go through needs words beside its row.
  report(refused) {
    if (refused.length) {
      for (const row of refused) this.decided = this.decided.filter((one) => one !== row);
      this.tell(fill(this.words.some_refused, { n: refused.length }), refused);
    }
    this.count();
  }

  tell(said, rows) {
    const head = document.createElement("p"), list = document.createElement("ul");
    head.textContent = said;
    for (const row of rows) {
      const line = document.createElement("li"), link = document.createElement("a");
      link.href = `#${row.element.id}`;
      link.textContent = `${row.code}：${row.faultText}`;
      link.addEventListener("click", (event) => { event.preventDefault(); row.focus(); });
      line.append(link);
      list.append(line);
    }
    this.told.replaceChildren(head, list);
    this.told.hidden = false;
  }

  net(said, login) {
    const place = document.getElementById("queue-net");
    place.hidden = !said;
    place.querySelector("span").textContent = said;
    place.querySelector("a").hidden = !login;
  }
}

const form = document.getElementById("queue");
if (form) new Queue(form);
