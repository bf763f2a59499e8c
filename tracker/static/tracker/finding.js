// Suggestions under a box that finds a body or a task. Every form works without this.
//
// data-suggest is where suggestions come from. With data-follow a suggestion leads to its page, else it fills the box.

const PAUSE = 150; // ms after the last key

for (const box of document.querySelectorAll("input[data-suggest]")) suggestUnder(box);

function suggestUnder(box) {
  const list = document.createElement("ul");
  list.id = `${box.id}-suggestions`;
  list.className = "suggestions";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", box.labels.length ? box.labels[0].textContent.trim() : "");
  const around = document.createElement("span");
  around.className = "suggesting";
  box.replaceWith(around);
  around.append(box, list);
  box.removeAttribute("list");
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id]]) {
    box.setAttribute(name, value);
  }

  let timer = 0;
  let asking = null;
  let at = -1;

  function close() {
    clearTimeout(timer);
    if (asking) asking.abort();
    list.hidden = true;
    mark(-1);
    box.setAttribute("aria-expanded", "false");
  }

  function mark(index) {
    at = index;
    [...list.children].forEach((row, i) => row.setAttribute("aria-selected", String(i === at)));
    if (at < 0) return box.removeAttribute("aria-activedescendant");
    box.setAttribute("aria-activedescendant", list.children[at].id);
    list.children[at].scrollIntoView({ block: "nearest" });
  }

  function take(row) {
    if ("follow" in box.dataset) { location.assign(row.dataset.url); return; }
    box.value = row.dataset.value;
    close();
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function show(results) {
    list.replaceChildren(...results.map((result, i) => {
      const row = document.createElement("li");
      row.id = `${list.id}-${i}`;
      row.setAttribute("role", "option");
      Object.assign(row.dataset, { url: result.url, value: result.value || "" });
      for (const [name, text] of [["code", result.code], ["text", result.text], ["why", result.beside]]) {
        if (!text) continue;
        const part = document.createElement("span");
        part.className = name;
        part.textContent = text;
        row.append(part, " ");
      }
      return row;
    }));
    mark(-1);
    list.hidden = !results.length;
    box.setAttribute("aria-expanded", String(!list.hidden));
  }

  async function ask() {
    const words = box.value.trim();
    if (words.length < 2) { close(); return; }
    if (asking) asking.abort();
    asking = new AbortController();
    try {
      const answer = await fetch(`${box.dataset.suggest}?q=${encodeURIComponent(words)}`, { signal: asking.signal });
      if (answer.ok && !answer.redirected && document.activeElement === box) show((await answer.json()).results);
    } catch { /* no answer, no suggestions: the form itself still finds */ }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  }

  // While an input method composes, its keys and half-made words are none of ours.
  box.addEventListener("input", (event) => { if (!event.isComposing) soon(); });
  box.addEventListener("compositionend", soon);
  box.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    const rows = list.children.length;
    if (event.key === "Escape" && !list.hidden) { event.preventDefault(); close(); }
    else if (list.hidden || !rows) { if (event.key === "ArrowDown") soon(); }
    else if (event.key === "ArrowDown") { event.preventDefault(); mark(at + 1 < rows ? at + 1 : 0); }
    else if (event.key === "ArrowUp") { event.preventDefault(); mark(at > 0 ? at - 1 : rows - 1); }
    else if (event.key === "Enter" && at >= 0) { event.preventDefault(); take(list.children[at]); }
  });
  box.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the box keeps the focus
  list.addEventListener("click", (event) => {
    const row = event.target.closest("[role=option]");
    if (row) take(row);
  });
}
