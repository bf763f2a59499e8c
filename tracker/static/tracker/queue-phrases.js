// The phrases under the reason that is being written: put in by a button or by Alt with its number, kept by another.

import { token } from "./sheet-send.js";

export class Phrases {
  constructor(queue) {
    this.queue = queue;
    this.texts = JSON.parse(document.getElementById("queue-phrases").textContent);
    const panel = document.getElementById("queue-panel").content.cloneNode(true);
    this.list = panel.querySelector("ul");
    this.said = panel.querySelector("[role=status]");
    this.panel = document.createElement("div");
    this.panel.append(panel);
    this.draw();
    for (const row of queue.rows) {
      // Told of late: by then a quick hand may have returned it, and be writing in the next.
      row.box.addEventListener("toggle", () => { if (row.box.open && row.isOpen) this.show(row); });
      row.reason.addEventListener("focus", () => this.show(row, false));
      if (row.box.open) this.show(row, false);
    }
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.put(Number(button.value));
    });
  }

  draw() {
    this.list.replaceChildren(...this.texts.map((text, at) => {
      const item = document.createElement("li"), button = document.createElement("button");
      button.type = "button";
      button.value = at;
      button.className = "chip";
      if (at < 9) {
        const key = document.createElement("kbd");
        key.textContent = at + 1;
        button.append(key, " ");
      }
      button.append(text);
      item.append(button);
      return item;
    }));
  }

  show(row, focus = true) {
    this.row = row;
    row.element.querySelector(".panel").append(this.panel);
    if (focus) row.reason.focus();
  }

  // Put in where the caret stands, over what is selected.
  put(at) {
    const text = this.texts[at];
    if (!text || !this.row) return false;
    const { reason } = this.row;
    reason.focus();
    reason.setRangeText(text, reason.selectionStart, reason.selectionEnd, "end");
    return true;
  }

  async keep(row) {
    const { words, form } = this.queue;
    let json = null;
    try {
      const answer = await fetch(form.dataset.phrases, {
        method: "POST", body: new URLSearchParams({ text: row.reason.value }), credentials: "same-origin", redirect: "error",
        headers: { Accept: "application/json", "X-CSRFToken": token() },
      });
      json = await answer.json();
    } catch (error) { /* told below */ }
    row.reason.focus();
    if (json && json.phrases) {
      this.texts = json.phrases;
      this.draw();
    }
    this.said.textContent = json ? json.fault || words.phrase_kept : words.phrase_failed;
  }
}
