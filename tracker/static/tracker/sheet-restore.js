// What an earlier visit typed and could not upload is offered again: a tab was closed, a login ran out, a line was dead.

import { drop, kept } from "./sheet-keep.js";
import { fill, same } from "./sheet-row.js";

export function restore(sheet) {
  const { user, words } = sheet;
  let n = 0;
  for (const row of sheet.rows.values()) {
    const item = kept(user, row.entry);
    if (item && same(item.values, row.server)) drop(user, row.entry);
    else if (item) {
      n += 1;
      row.putAll(item.values);
      // Newer on the server than what was kept: by our own hand, if it says what was on its way then.
      const ours = item.version === row.version || (item.sent || []).some((sent) => same(sent, row.server));
      const stands = { who: row.element.dataset.saver, values: row.server, writable: true };
      if (ours) sheet.changed(row);
      else sheet.disagree(row, { version: row.version, stands });
    } else if (row.dirty) sheet.changed(row); // the browser put it back by itself
  }
  for (const element of sheet.form.querySelectorAll(".entry[data-said]")) {
    const entry = element.id.slice(1), item = kept(user, entry);
    if (!item) continue;
    if (same(item.values, JSON.parse(element.dataset.said))) drop(user, entry);
    else left(sheet, element, entry, item.values);
  }
  if (n) sheet.tell(fill(words.restored, { n }), []);
}

// Handed in or locked meanwhile, so it cannot be put back. It is shown, to be copied, until the person clears it.
function left(sheet, element, entry, values) {
  const piece = document.getElementById("sheet-left").content.cloneNode(true);
  piece.querySelector("p").textContent = sheet.words.left;
  const labels = JSON.parse(element.dataset.labels);
  for (const [name, text] of Object.entries(values)) {
    if (!text || name.startsWith("confirm_")) continue;
    const head = sheet.form.querySelector(`thead [data-column="${name}"]`);
    piece.querySelector("dl").appendChild(document.createElement("dt")).textContent = head ? head.textContent : labels[name] || name;
    piece.querySelector("dl").appendChild(document.createElement("dd")).textContent = text;
  }
  const place = piece.querySelector("div");
  piece.querySelector("button").addEventListener("click", () => {
    drop(sheet.user, entry);
    place.remove();
  });
  element.querySelector("th").append(piece);
}
