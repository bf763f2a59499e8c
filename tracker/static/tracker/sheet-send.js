// What is sent, and what comes of it: one request at a time carries every row that changed or was asked for.

import { drop, keep } from "./sheet-keep.js";
import { fill, same } from "./sheet-row.js";

const SOON = 1500, AT_ONCE = 100, AT_MOST = 1000000, AGAIN = 5000, LATEST = 60000;

export class Sender {
  constructor(sheet) {
    this.sheet = sheet;
    this.timer = 0;
    this.way = null; // the request on its way
    this.wait = AGAIN;
    this.down = false;
  }

  // Signed out: nothing is sent or kept any more.
  stop() {
    clearTimeout(this.timer);
    this.stopped = true;
  }

  soon(after = SOON) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), after);
  }

  get waiting() {
    return [...this.sheet.rows.values()].filter((row) => !row.folded && !row.refused && !row.stands && (row.act || row.dirty));
  }

  // Everything that waits now, one request after the other. Resolves with the answers.
  async flush() {
    clearTimeout(this.timer);
    while (this.way) await this.way;
    const answers = [];
    if (this.stopped) return answers;
    let rows = this.waiting;
    while (rows.length) {
      const some = portion(rows);
      this.way = this.send(some);
      const got = await this.way;
      this.way = null;
      if (!got) return answers;
      answers.push(...got);
      rows = rows.slice(some.length);
    }
    this.sheet.report(answers);
    if (this.waiting.length) this.soon(); // typed meanwhile
    return answers;
  }

  async send(rows) {
    const { user, words } = this.sheet;
    const asked = rows.map((row) => {
      if (row.sent) row.lost.push(row.sent); // went, and was never answered
      row.sent = row.values;
      row.asked = row.act;
      row.say(row.act ? words.sending : words.saving);
      if (row.dirty) keep(user, row);
      return { entry: row.entry, version: row.version, do: row.act || "save", values: row.sent };
    });
    const body = JSON.stringify({ user, rows: asked });
    let answer;
    try {
      answer = await fetch(this.sheet.form.dataset.save, {
        method: "POST", body, credentials: "same-origin", redirect: "error", keepalive: document.hidden && body.length < 60000,
        headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
      });
    } catch (error) {
      return this.failed(rows, fill(words.offline, { n: this.pending }), false);
    }
    const json = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json().catch(() => null) : null;
    // A token that is gone means that the session is: signing in brings both back.
    if (answer.status === 401 || (answer.status === 403 && !json)) return this.failed(rows, (json && json.message) || words.login, true);
    if (answer.status === 400 && json) return this.refuse(rows, json.message);
    if (!answer.ok || !json) return this.failed(rows, fill(words.trouble, { n: this.pending }), false);
    this.down = false;
    this.wait = AGAIN;
    this.sheet.net("");
    for (const one of json.rows) this.answered(this.sheet.rows.get(one.entry), one);
    return json.rows;
  }

  get pending() { return [...this.sheet.rows.values()].filter((row) => !row.folded && (row.act || row.dirty)).length; }

  // Nothing was lost: the rows wait here, and are sent again by and by.
  failed(rows, said, login) {
    for (const row of rows) row.say(this.sheet.words.kept);
    this.down = true;
    this.sheet.net(said, login);
    if (!login) this.soon(this.wait);
    this.wait = Math.min(this.wait * 2, LATEST);
    return null;
  }

  refuse(rows, said) {
    for (const row of rows) {
      row.refused = true;
      row.act = "";
      row.clear();
      row.fault({ "": [said] });
      row.say(this.sheet.words.unsaved);
    }
    return null;
  }

  answered(row, answer) {
    const { user, words } = this.sheet;
    const sent = row.sent;
    row.sent = null;
    answer.asked = row.asked;
    if (answer.outcome === "stale") {
      // What stands may be our own, whose answer was lost on the way: then ours simply goes on top of it.
      if (row.lost.some((lost) => same(lost, answer.stands.values)) && answer.stands.writable) {
        row.version = answer.version;
        row.server = answer.stands.values;
        row.lost = [];
      } else this.sheet.disagree(row, answer);
      return;
    }
    row.lost = [];
    if (row.act === row.asked) row.act = "";
    row.clear();
    if (answer.version) row.version = answer.version;
    if (["saved", "incomplete", "reported"].includes(answer.outcome)) row.server = sent;
    if (answer.state) row.state(answer.state, answer.word, kindOf(row, answer));
    if (answer.outcome === "reported") {
      drop(user, row.entry);
      row.fold();
      row.say(answer.at ? fill(words.saved, { at: answer.at }) : "");
    } else if (answer.outcome === "saved") {
      row.say(row.dirty ? words.unsaved : fill(words.saved, { at: answer.at }));
      if (row.dirty) keep(user, row); else drop(user, row.entry);
      this.sheet.saved(answer.at);
    } else {
      row.refused = answer.outcome !== "incomplete";
      answer.told = row.fault(Object.keys(answer.errors).length ? answer.errors : { "": [answer.message] });
      row.ask(answer.asks);
      const saved = answer.outcome === "incomplete" && !row.dirty;
      if (saved) drop(user, row.entry);
      row.say(saved && answer.at ? fill(words.saved, { at: answer.at }) : row.dirty ? words.kept : "");
    }
  }
}

function kindOf(row, answer) {
  if (answer.state === "submitted" || answer.state === "accepted") return "done";
  return row.kind === "returned" ? "returned" : answer.state;
}

function portion(rows) {
  const some = [];
  let size = 0;
  for (const row of rows.slice(0, AT_ONCE)) {
    size += JSON.stringify(row.values).length * 3;
    if (some.length && size > AT_MOST) break;
    some.push(row);
  }
  return some;
}

// Read anew each time: signing in again changes it.
export function token() {
  const found = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  return found ? found[1] : "";
}
