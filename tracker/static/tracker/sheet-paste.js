// A block copied in WPS or Excel goes into the cells from the one in hand on. What does not fit is named, never lost.

import { fill } from "./sheet-row.js";

// Tab-separated text as spreadsheets write it: a cell with line ends or quotes stands in quotes, these doubled.
export function cellsOf(text) {
  const rows = [[]];
  let at = 0;
  text = text.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  for (;;) {
    let value, end;
    const quoted = text[at] === '"' && /^"((?:[^"]|"")*)"(?=\t|\n|$)/.exec(text.slice(at));
    if (quoted) {
      value = quoted[1].replace(/""/g, '"');
      end = at + quoted[0].length;
    } else {
      const found = text.slice(at).search(/[\t\n]/);
      end = found < 0 ? text.length : at + found;
      value = text.slice(at, end);
    }
    rows[rows.length - 1].push(value);
    if (end >= text.length) return rows;
    if (text[end] === "\n") rows.push([]);
    at = end + 1;
  }
}

// The first table of what was copied as HTML. Styles are taken off first: the page's policy forbids them, even unseen.
export function tableOf(html) {
  const bare = html.replace(/<style[\s\S]*?<\/style>/gi, "").replace(/\sstyle=("[^"]*"|'[^']*')/gi, "");
  const table = new DOMParser().parseFromString(bare, "text/html").querySelector("table");
  if (!table) return null;
  for (const end of table.querySelectorAll("br")) end.replaceWith("\n");
  return [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent.replace(/\u00a0/g, " ").trim()));
}

const brief = (text) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
const shape = (rows) => `${rows.length}×${Math.max(...rows.map((row) => row.length))}`;

// A block, or null where it is plain words: several lines without a table are a text, not a column.
export function blockOf(text, html) {
  const table = /<table/i.test(html) ? tableOf(html) : null;
  if (!table) return text.includes("\t") ? cellsOf(text) : null;
  const cells = text ? cellsOf(text) : null;
  return cells && shape(cells) === shape(table) ? cells : table;
}

// What a cell makes of a value: {value}, or {why} it cannot take it.
function fitted(row, name, value, words) {
  const said = value.trim(), cell = row.cells.get(name);
  if (!cell) return { why: words.no_cell };
  if (cell.tagName === "SELECT") {
    const options = [...cell.options].filter((option) => option.value);
    const option = options.find((one) => one.text.trim() === said);
    return option ? { value: option.value } : { why: fill(words.no_status, { known: options.map((one) => one.text).join(" / ") }) };
  }
  if (name === "percent") {
    const number = /^(\d{1,3})(?:\.0+)?\s*[%％]?$/.exec(said);
    return number && Number(number[1]) <= 100 ? { value: String(Number(number[1])) } : { why: words.no_number };
  }
  if (cell.maxLength > 0 && value.length > cell.maxLength) return { why: fill(words.too_long, { n: cell.maxLength }) };
  return { value: cell.tagName === "TEXTAREA" ? value : said };
}

export function pasting(sheet) {
  const { form, words } = sheet;

  const apply = (block, first, name) => {
    const rows = sheet.shown.slice(sheet.shown.indexOf(first));
    const columns = sheet.columns.slice(sheet.columns.indexOf(name));
    const fits = [], refused = [];
    block.forEach((values, down) => values.forEach((value, across) => {
      if (!value.trim()) return; // an empty cell empties nothing
      const row = rows[down], column = columns[across];
      const fit = !row ? { why: words.no_row } : !column ? { why: words.no_column } : fitted(row, column, value, words);
      if (fit.why) refused.push({ row, column, value, why: fit.why });
      else fits.push([row, column, fit.value]);
    }));
    sheet.remember(fits);
    for (const [row, column, value] of fits) row.put(column, value);
    for (const row of new Set(fits.map(([row]) => row))) sheet.changed(row);
    const said = [fill(words.pasted, { n: fits.length })];
    if (refused.length) said.push(fill(words.not_pasted, { n: refused.length }));
    sheet.tell(said.join(" "), refused.map(({ row, column, value, why }) => ({
      cell: row && (row.cells.get(column) || row.first),
      line: fill(words.cell_refused, { code: row ? row.code : "—", label: column ? heading(column) : "—", said: brief(value), why }),
    })));
  };

  const heading = (column) => form.querySelector(`thead [data-column="${column}"]`).textContent;

  form.addEventListener("paste", (event) => {
    const row = sheet.rowOf(event.target);
    const here = row && [...row.cells].find(([_name, cell]) => cell === event.target);
    if (!here || !sheet.columns.includes(here[0])) return;
    const block = blockOf(event.clipboardData.getData("text/plain"), event.clipboardData.getData("text/html"));
    if (!block) return;
    event.preventDefault();
    const cell = event.target;
    if (block.length === 1 && block[0].length === 1 && cell.setRangeText && here[0] !== "percent") {
      cell.setRangeText(block[0][0], cell.selectionStart, cell.selectionEnd, "end");
      cell.dispatchEvent(new Event("input", { bubbles: true }));
    } else apply(block, row, here[0]);
  });
}
