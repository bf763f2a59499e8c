// The sheet 本期待填报 in the browser: comforts over a form that works without them.

import { Cards } from "./sheet-cards.js";
import { drop, keep } from "./sheet-keep.js";
import { keys } from "./sheet-keys.js";
import { pasting } from "./sheet-paste.js";
import { restore } from "./sheet-restore.js";
import { Row, fill, grow, untick } from "./sheet-row.js";
import { Sender } from "./sheet-send.js";

class Sheet {
  constructor(form) {
    this.form = form;
    this.words = JSON.parse(document.getElementById("sheet-words").textContent);
    this.user = Number(form.dataset.user);
    this.rows = new Map();
    for (const element of form.querySelectorAll("[data-entry]")) this.rows.set(Number(element.dataset.entry), new Row(element, this.words));
    this.columns = [...form.querySelectorAll("thead [data-column]")].map((head) => head.dataset.column);
    this.undo = []; // cells as they were before a block was pasted or last period carried over
    this.sender = new Sender(this);
    this.told = document.getElementById("sheet-told");
    this.cards = new Cards(this);
    keys(this);
    pasting(this);
    this.listen();
    restore(this);
    this.count();
  }

  get shown() { return [...this.rows.values()].filter((row) => row.visible); }

  rowOf(element) {
    const body = element.closest && element.closest("[data-entry]");
    return body && this.rows.get(Number(body.dataset.entry));
  }

  listen() {
    const { form, sender } = this;
    form.addEventListener("input", (event) => {
      const row = this.rowOf(event.target);
      if (!row || event.target.name === "chosen") return;
      if (!event.detail) this.undo = []; // typed: what was pasted before stays
      untick(event.target);
      grow(event.target);
      this.changed(row);
    });
    form.addEventListener("focusin", (event) => grow(event.target));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.press(event.submitter ? event.submitter.value : "save");
    });
    form.querySelector(".shows").addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (!link) return;
      event.preventDefault();
      this.show(link.dataset.show);
    });
    const all = document.getElementById("pick-all");
    all.parentElement.hidden = false;
    all.addEventListener("change", () => {
      for (const row of this.shown) row.element.querySelector(".pick input").checked = all.checked;
    });
    for (const name of ["online", "focus", "pageshow"]) window.addEventListener(name, () => { if (sender.down) sender.flush(); });
    document.addEventListener("visibilitychange", () => { if (document.hidden || sender.down) sender.flush(); });
    // What is typed goes up before the person leaves by the front door.
    const out = document.querySelector("form[data-forget]");
    if (out) {
      out.addEventListener("submit", (event) => {
        if (out.dataset.tried || !sender.waiting.length) return;
        event.preventDefault();
        event.stopPropagation();
        out.dataset.tried = "1";
        sender.flush().then(() => out.requestSubmit());
      }, true);
      window.addEventListener("submit", (event) => { if (event.target === out && !event.defaultPrevented) sender.stop(); });
    }
  }

  changed(row) {
    row.refused = false;
    row.say(this.words.unsaved);
    const status = row.cells.get("status");
    const more = row.element.querySelector(".further details");
    if (more && status.value === "blocked") more.open = true;
    if (!row.dirty && !row.sent) {
      drop(this.user, row.entry);
      row.say("");
    } else if (!keep(this.user, row)) this.net(this.words.full);
    this.sender.soon();
  }

  // Buttons, by the value they would send without this script.
  press(value) {
    const [act, one] = value.split("-");
    if (one) {
      const row = this.rows.get(Number(one));
      if (act === "carry") this.carry(row);
      else this.hand([row], act).then(() => { if (row.folded) this.cards.next(); });
    } else if (act === "save") this.sender.flush();
    else if (act === "submit_all") this.all();
    else {
      const chosen = [...this.rows.values()].filter((row) => !row.folded && row.element.querySelector(".pick input").checked);
      if (chosen.length) this.hand(chosen, act);
      else this.tell(this.words.choose, []);
    }
  }

  all() {
    const open = [...this.rows.values()].filter((row) => !row.folded);
    const blank = open.filter((row) => row.blank && !row.act);
    const begun = open.filter((row) => !blank.includes(row));
    if (begun.length) this.hand(begun, "submit", blank);
    else this.tell(blank.length ? fill(this.words.blank, { n: blank.length }) : this.words.nothing, []);
  }

  async hand(rows, act, blank = []) {
    this.blank = blank;
    for (const row of rows) {
      if (row.stands || row.act) continue;
      row.act = act;
      row.refused = false;
    }
    const answers = await this.sender.flush();
    this.blank = [];
    const first = this.troubled(answers)[0];
    const to = first ? first.told && first.told[0] ? first.told[0].cell : this.rows.get(first.entry).first : null;
    if (to) this.go(to);
    else if (blank.length && blank.length < this.rows.size && !this.cards.on) this.go(blank[0].first);
  }

  // No change by a key: it waits a moment for the next ones, so that thirty of them are a few requests.
  unchanged(row) {
    if (row.act || row.stands) return;
    row.act = "unchanged";
    row.refused = false;
    row.say(this.words.sending);
    this.sender.soon();
  }

  carry(row) {
    const last = row.last;
    if (!last.status) return this.tell(this.words.no_last, []);
    const cells = [...row.cells].filter(([name, cell]) => last[name] && !cell.value);
    if (!cells.length) return this.tell(this.words.nothing_empty, []);
    this.remember(cells.map(([name]) => [row, name]));
    for (const [name] of cells) row.put(name, last[name]);
    this.changed(row);
    row.say(this.words.carried);
    return this.go(row.cells.get("progress") || row.first);
  }

  remember(cells) { this.undo = cells.map(([row, name]) => [row, name, row.values[name]]); }

  takeBack() {
    if (!this.undo.length) return false;
    for (const [row, name, value] of this.undo) {
      row.put(name, value);
      this.changed(row);
    }
    this.undo = [];
    this.tell(this.words.undone, []);
    return true;
  }

  go(cell) {
    const row = this.rowOf(cell);
    if (row.element.hidden) this.show("");
    this.cards.to(row);
    cell.focus();
  }

  show(kind) {
    for (const element of this.form.querySelectorAll(".entry")) element.hidden = Boolean(kind) && element.dataset.kind !== kind;
    for (const link of this.form.querySelectorAll("[data-show]")) {
      if (link.dataset.show === kind) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const address = new URL(window.location.href);
    if (kind) address.searchParams.set("show", kind); else address.searchParams.delete("show");
    window.history.replaceState(null, "", address);
    this.count();
    this.cards.start();
  }

  count() {
    const kinds = {};
    for (const element of this.form.querySelectorAll(".entry")) kinds[element.dataset.kind] = (kinds[element.dataset.kind] || 0) + 1;
    for (const place of this.form.querySelectorAll("[data-count]")) if (place.dataset.count !== "owed") place.textContent = kinds[place.dataset.count] || 0;
    // A heading of an area whose entries are all filtered out says nothing.
    let heading = null, some = false;
    for (const body of this.form.querySelectorAll(".entries > tbody")) {
      if (body.classList.contains("group")) {
        if (heading) heading.hidden = !some;
        [heading, some] = [body, false];
      } else some = some || !body.hidden;
    }
    if (heading) heading.hidden = !some;
    if (this.cards) this.cards.position();
  }

  troubled(answers) { return answers.filter((one) => one.asked && one.outcome !== "reported" && !(one.outcome === "stale" && !this.rows.get(one.entry).stands)); }

  // What was asked for and what came of it, counted, with the way to each cell.
  report(answers) {
    this.count();
    const asked = answers.filter((one) => one.asked);
    if (!asked.length) return;
    const trouble = this.troubled(answers), done = asked.filter((one) => one.outcome === "reported").length;
    const words = [];
    if (done) words.push(fill(this.words.submitted, { n: done }));
    if (this.blank && this.blank.length) words.push(fill(this.words.blank, { n: this.blank.length }));
    if (trouble.length) words.push(fill(this.words.incomplete, { n: trouble.length }));
    const items = trouble.flatMap((one) => one.told || [{ row: this.rows.get(one.entry), cell: this.rows.get(one.entry).first, line: one.message }]);
    this.tell(words.join(" "), items.map(({ row, cell, line, label }) => ({
      cell, line: fill(label ? this.words.fault : this.words.row_fault, { code: row.code, label, line }),
    })));
  }

  // In place, until the next thing is told. `items`: {cell, line}.
  tell(said, items) {
    const line = document.createElement("p");
    line.textContent = said;
    const place = document.createElement("ul");
    for (const item of items) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = item.line;
      if (item.cell) button.addEventListener("click", () => this.go(item.cell));
      place.appendChild(document.createElement("li")).append(item.cell ? button : item.line);
    }
    this.told.replaceChildren(line, place);
    this.told.classList.toggle("quiet", !items.length);
    this.told.hidden = !said;
  }

  net(said, login = false) {
    const place = document.getElementById("sheet-net");
    place.querySelector("span").textContent = said;
    place.querySelector("a").hidden = !login;
    place.hidden = !said;
  }

  saved(at) { document.getElementById("sheet-saved").textContent = fill(this.words.saved, { at }); }

  disagree(row, answer) {
    const { stands } = answer;
    row.act = "";
    keep(this.user, row);
    if (answer.state) row.state(answer.state, answer.word, row.kind);
    row.say(this.words.kept);
    row.conflict(stands, (choice) => {
      row.version = answer.version;
      row.server = stands.values;
      row.clear();
      if (choice === "theirs") row.putAll(stands.values);
      if (!stands.writable) { row.fold(); drop(this.user, row.entry); row.say(""); row.element.dataset.kind = "done"; this.count(); }
      else this.changed(row);
    });
  }
}

const form = document.getElementById("sheet");
if (form) new Sheet(form);
