// One entry's row: its cells, what the server knows of them, and what is shown of its course.

export const same = (a, b) => Object.keys({ ...a, ...b }).every((name) => (a[name] || "") === (b[name] || ""));
export const fill = (words, values) => words.replace(/\{(\w+)\}/g, (_all, name) => values[name]);
// A number is the same with its thousands apart or together: as it is typed, and as the server says it.
const number = (text) => (/^\d{1,3}(,\d{3})+(\.\d+)?$/.test(text.normalize("NFKC").trim()) ? text.normalize("NFKC").trim().replace(/,/g, "") : text.trim());
const plain = (text) => text.replace(/\r\n?/g, "\n");

export class Row {
  constructor(element, words) {
    this.element = element;
    this.words = words;
    this.entry = Number(element.dataset.entry);
    this.code = element.dataset.code;
    this.cells = new Map(); // by field: selects, inputs and text areas, in the order of the page
    const prefix = `e${this.entry}-`;
    for (const cell of element.querySelectorAll("select, textarea, input")) {
      const name = cell.name.startsWith(prefix) ? cell.name.slice(prefix.length) : "";
      if (name && cell.type !== "hidden") this.cells.set(name, cell);
      if (name === "version") this.version = Number(cell.defaultValue);
    }
    this.server = this.read((cell) => cell.defaultValue); // as it was rendered, whatever the browser put back
    this.sent = null; // what is on its way
    this.lost = []; // what went and was never answered
    this.act = ""; // "submit" or "unchanged", once asked for
    this.refused = false; // waits for the person, not for another try
    this.stands = null; // what somebody else has saved meanwhile
  }

  read(value) {
    const values = {};
    for (const [name, cell] of this.cells) {
      if (cell.type === "checkbox") values[name] = (value ? cell.defaultChecked : cell.checked) ? cell.value : "";
      else if (cell.inputMode === "decimal") values[name] = number(value ? value(cell) : cell.value);
      else if (cell.tagName === "SELECT") {
        const set = value && [...cell.options].find((option) => option.defaultSelected);
        values[name] = value ? (set ? set.value : "") : cell.value;
      } else values[name] = plain(value ? value(cell) : cell.value);
    }
    return values;
  }

  get values() { return this.read(); }
  get dirty() { return !same(this.values, this.server); }
  get folded() { return this.element.classList.contains("folded"); }
  get kind() { return this.element.dataset.kind; }
  get visible() { return !this.element.hidden && !this.folded; }
  get blank() { return this.kind === "due" && !this.dirty; }

  put(name, value) {
    const cell = this.cells.get(name);
    if (cell.type === "checkbox") tick(cell, value, Boolean(value));
    else cell.value = value;
    grow(cell);
  }

  putAll(values) {
    for (const name of this.cells.keys()) if (name in values) this.put(name, values[name]);
  }

  // A number that looked like a slip is asked for: {field of the tick: number}.
  ask(numbers) {
    for (const [name, value] of Object.entries(numbers || {})) tick(this.cells.get(name), value, false);
  }

  // What was reported last, to be carried over.
  get last() {
    const values = {};
    for (const part of this.element.querySelectorAll("[data-last]")) {
      values[part.dataset.last] = part.dataset.value === undefined ? plain(part.textContent) : part.dataset.value;
    }
    return values;
  }

  label(cell) { return cell.getAttribute("aria-label").slice(this.code.length + 1); }

  say(words) { this.element.querySelector(".course .saved").textContent = words; }

  state(state, word, kind) {
    const tag = this.element.querySelector(".course .tag");
    tag.className = `tag ${state}`;
    tag.textContent = word;
    this.element.dataset.kind = kind;
  }

  clear() {
    for (const line of this.element.querySelectorAll(".fault")) line.remove();
    for (const cell of this.cells.values()) {
      cell.removeAttribute("aria-invalid");
      cell.removeAttribute("aria-describedby");
    }
    const trouble = this.element.querySelector("tr.trouble");
    trouble.hidden = true;
    trouble.firstElementChild.textContent = "";
    this.stands = null;
  }

  // Returns how many; the first one's cell is where to go.
  fault(errors) {
    const told = [];
    for (const [name, lines] of Object.entries(errors)) {
      const cell = this.cells.get(name);
      for (const line of lines) {
        const said = document.createElement("p");
        said.className = "fault";
        said.textContent = line;
        if (cell) {
          said.id = `${cell.id}_error`;
          cell.setAttribute("aria-invalid", "true");
          cell.setAttribute("aria-describedby", said.id);
          const folded = cell.closest("details");
          if (folded) folded.open = true;
          (cell.closest(".written") || cell).after(said);
        } else this.trouble(said);
        told.push({ row: this, cell: cell || this.first, line, label: cell ? this.label(cell) : "" });
      }
    }
    return told;
  }

  trouble(piece) {
    const place = this.element.querySelector("tr.trouble");
    place.hidden = false;
    place.firstElementChild.append(piece);
  }

  // Both texts, and the choice; nothing is overwritten until it is made.
  conflict(stands, choose) {
    this.clear();
    this.stands = stands;
    const piece = document.getElementById("sheet-conflict").content.cloneNode(true);
    piece.querySelector("p").textContent = fill(this.words.theirs, { who: stands.who });
    list(piece.querySelector("dl"), this, stands.values, this.words);
    piece.querySelector("div div").addEventListener("click", (event) => {
      if (event.target.value) choose(event.target.value);
    });
    if (!stands.writable) piece.querySelector("[value=mine]").remove();
    this.trouble(piece);
  }

  get first() { return this.cells.get("status"); }

  fold() {
    this.element.classList.add("folded");
    const pick = this.element.querySelector(".pick input");
    if (pick) pick.checked = false;
    for (const cell of this.cells.values()) cell.disabled = true;
    for (const button of this.element.querySelectorAll(".acts button")) button.disabled = true;
  }
}

// The tick stands for one number; without one there is nothing to tick.
function tick(cell, value, checked) {
  cell.value = value;
  cell.checked = checked;
  cell.parentElement.hidden = !value;
}

// Another number asks again.
export function untick(cell) {
  const box = cell.closest("[data-box]");
  if (box && cell.type !== "checkbox") tick(box.querySelector("[type=checkbox]"), "", false);
}

// The texts of a row under their labels: of another writer, or one's own where it cannot be put back.
export function list(place, row, values, words) {
  for (const [name, cell] of row.cells) {
    if ((values[name] || "") === (row.values[name] || "")) continue;
    const label = document.createElement("dt");
    label.textContent = row.label(cell);
    const text = document.createElement("dd");
    const option = cell.tagName === "SELECT" && [...cell.options].find((one) => one.value === values[name]);
    text.textContent = (option && option.text) || values[name] || words.empty;
    place.append(label, text);
  }
}

// A text area is as high as its words, up to twelve lines; by its rows, since no style is written.
export function grow(cell) {
  if (cell.tagName !== "TEXTAREA") return;
  cell.rows = 2;
  while (cell.scrollHeight > cell.clientHeight + 2 && cell.rows < 12) cell.rows += 1;
}
