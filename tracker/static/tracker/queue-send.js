// What is sent, and what comes of it: one request at a time carries every decision that waits.

import { fill } from "./sheet-row.js";
import { token } from "./sheet-send.js";

const AT_ONCE = 100, AGAIN = 5000, LATEST = 60000;

export class Sender {
  constructor(queue) {
    this.queue = queue;
    this.timer = 0;
    this.way = null; // the request on its way
    this.wait = AGAIN;
    this.down = false;
  }

  get waiting() { return this.queue.rows.filter((row) => row.act); }

  async flush() {
    clearTimeout(this.timer);
    if (this.way) return this.way;
    this.way = this.empty();
    await this.way;
    this.way = null;
    return undefined;
  }

  // One request after the other, until nothing waits or the line is down.
  async empty() {
    let rows = this.waiting;
    while (rows.length) {
      if (!(await this.send(rows.slice(0, AT_ONCE)))) return;
      rows = this.waiting;
    }
  }

  async send(rows) {
    const { user, words, byEntry } = this.queue;
    const asked = rows.map((row) => {
      row.sent = true;
      return { entry: row.entry, version: row.version, do: row.act, comment: row.comment };
    });
    let answer;
    try {
      answer = await fetch(this.queue.form.dataset.decide, {
        method: "POST", body: JSON.stringify({ user, rows: asked }), credentials: "same-origin", redirect: "error",
        headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
      });
    } catch (error) {
      return this.failed(words.offline, false);
    }
    const json = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json().catch(() => null) : null;
    // A token that is gone means that the session is: signing in brings both back.
    if (answer.status === 401 || (answer.status === 403 && !json)) return this.failed((json && json.message) || words.login, true);
    if (answer.status === 400 && json) {
      json.rows = rows.map((row) => ({ entry: row.entry, outcome: "refused", message: json.message }));
    } else if (!answer.ok || !json) return this.failed(words.trouble, false);
    this.down = false;
    this.wait = AGAIN;
    this.queue.net("", false);
    this.queue.report(json.rows.map((one) => [byEntry.get(one.entry), one]).filter(([row, one]) => !row.answered(one)).map(([row]) => row));
    return true;
  }

  // Nothing was lost: the decisions wait here, and are sent again by and by. Asking twice does no harm.
  failed(said, login) {
    const { waiting } = this;
    for (const row of waiting) row.state.textContent = this.queue.words.kept;
    this.down = true;
    this.queue.net(fill(said, { n: waiting.length }), login);
    if (!login) this.timer = setTimeout(() => this.flush(), this.wait);
    this.wait = Math.min(this.wait * 2, LATEST);
    return false;
  }
}
