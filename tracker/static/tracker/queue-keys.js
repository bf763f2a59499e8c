// Single keys, each with its button. None while an input method is composing or a field is written in; they can be
// switched off.

const OFF = "luoshi-queue-keys-off";

export function keys(queue) {
  const { form } = queue;
  const use = document.getElementById("queue-keys");
  try { use.checked = !localStorage.getItem(OFF); } catch (error) { /* then they are on */ }
  use.addEventListener("change", () => {
    try {
      if (use.checked) localStorage.removeItem(OFF); else localStorage.setItem(OFF, "1");
    } catch (error) { /* for this page alone */ }
  });

  const writing = (event, row) => {
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key === "Enter") queue.decide([row], "return");
    else if (event.key === "Escape") {
      row.box.open = false;
      row.focus();
    } else if (event.altKey && !command && /^Digit[1-9]$/.test(event.code)) return queue.phrases.put(Number(event.code[5]) - 1);
    else return false;
    return true;
  };

  const acts = {
    j: () => queue.move(1),
    k: () => queue.move(-1),
    arrowright: () => queue.move(1),
    arrowleft: () => queue.move(-1),
    a: (row) => queue.decide([row], "accept"),
    r: (row) => {
      if (!row.isOpen) return;
      row.box.open = true;
      queue.phrases.show(row);
    },
    u: (row) => queue.undo(row),
    x: (row) => {
      if (!row.isOpen) return;
      row.pick.checked = !row.pick.checked;
      queue.count();
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    const { target } = event, inside = form.contains(target);
    if (!inside && target !== document.body) return;
    const row = queue.rowOf(target);
    if (row && target === row.reason) {
      if (writing(event, row)) event.preventDefault();
      return;
    }
    if (event.key === "Escape" && !queue.sure.hidden) {
      queue.answer(false);
      return;
    }
    const act = acts[event.key.toLowerCase()];
    const typing = target.matches("textarea, select, input:not([type=checkbox])");
    if (!act || !use.checked || typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    event.preventDefault();
    // Where nothing has the focus, the first key only shows which entry is meant.
    if (!inside && event.key.toLowerCase() !== "u") queue.current.focus();
    else act(queue.current);
  });
}
