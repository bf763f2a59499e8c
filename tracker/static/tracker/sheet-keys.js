// Moving and acting by keys, as in a spreadsheet. Nothing while an input method is composing; each has a button.

export function keys(sheet) {
  let origin = ""; // the column that Enter returns to: where the last walk by Tab began
  const { form } = sheet;

  const at = (element) => {
    const row = sheet.rowOf(element);
    const name = row && [...row.cells].find(([_name, cell]) => cell === element);
    return name ? { row, name: name[0], cell: element } : null;
  };

  form.addEventListener("focusin", (event) => {
    const here = at(event.target);
    if (here && !origin) origin = here.name;
  });
  form.addEventListener("pointerdown", (event) => { origin = (at(event.target) || { name: "" }).name; });

  const enter = (row, name, end) => {
    const cell = row.cells.get(name) || nearest(row, name);
    cell.focus();
    sheet.cards.to(row);
    if (cell.setSelectionRange && cell.type !== "date") {
      const caret = end ? cell.value.length : 0;
      cell.setSelectionRange(caret, caret);
    }
    return true;
  };
  // A task without this cell is entered at the last one before it.
  const nearest = (row, name) => {
    if (!sheet.columns.includes(name)) return row.first;
    const before = sheet.columns.slice(0, sheet.columns.indexOf(name)).reverse().find((column) => row.cells.has(column));
    return row.cells.get(before) || row.first;
  };
  const down = (here, by, name = here.name) => {
    const rows = sheet.shown, to = rows[rows.indexOf(here.row) + by];
    return to ? enter(to, name, by > 0) : false;
  };
  const across = (here, by) => {
    const names = [...here.row.cells.keys()], to = names[names.indexOf(here.name) + by];
    return to && here.row.cells.get(to).offsetParent ? enter(here.row, to, by < 0) : false;
  };

  const digit = (here, key) => {
    const { row, cell } = here;
    if (key === "0") {
      const went = down(here, 1, "status");
      sheet.unchanged(row);
      if (!went) cell.blur();
    } else if (key === "5") sheet.carry(row);
    else {
      const values = ["", "not_started", "in_progress", "blocked", "completed"];
      const option = [...cell.options].find((one) => one.value === values[Number(key)]);
      if (!option) return false;
      cell.value = option.value;
      sheet.undo = [];
      sheet.changed(row);
    }
    return true;
  };

  const edge = (cell, key) => {
    if (cell.tagName === "SELECT") return key === "ArrowLeft" || key === "ArrowRight";
    if (cell.selectionStart === null || cell.selectionStart !== cell.selectionEnd) return false;
    const back = key === "ArrowUp" || key === "ArrowLeft";
    return cell.selectionStart === (back ? 0 : cell.value.length);
  };

  const newline = (cell) => {
    cell.setRangeText("\n", cell.selectionStart, cell.selectionEnd, "end");
    cell.dispatchEvent(new Event("input", { bubbles: true }));
    return true;
  };

  // True when the key was for us.
  const handle = (event, here) => {
    const { key } = event, command = event.ctrlKey || event.metaKey;
    if (command && key === "Enter") {
      const next = sheet.shown[sheet.shown.indexOf(here.row) + 1];
      sheet.hand([here.row], "submit");
      return next ? enter(next, "status", true) : true;
    }
    if (command) return false;
    if (key === "Enter" && (event.altKey || event.shiftKey)) return here.cell.tagName === "TEXTAREA" && newline(here.cell);
    if (key === "Enter") {
      const name = sheet.columns.includes(origin) ? origin : here.name;
      return down(here, 1, name) || true;
    }
    if (/^Arrow/.test(key) && !event.shiftKey && (event.altKey || edge(here.cell, key))) {
      origin = "";
      if (key === "ArrowUp" || key === "ArrowDown") return down(here, key === "ArrowDown" ? 1 : -1) || event.altKey;
      return across(here, key === "ArrowRight" ? 1 : -1) || event.altKey;
    }
    if (here.name === "status" && /^[0-5]$/.test(key) && !event.altKey) return digit(here, key);
    return false;
  };

  form.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    const command = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (command && event.key.toLowerCase() === "s") {
      event.preventDefault();
      sheet.sender.flush();
      return;
    }
    if (command && event.key.toLowerCase() === "z" && sheet.takeBack()) {
      event.preventDefault();
      return;
    }
    const here = at(event.target);
    if (here && handle(event, here)) event.preventDefault();
  });
}
