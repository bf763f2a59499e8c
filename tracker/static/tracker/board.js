// The board's numbers come anew every minute, in place: the same rows in the same order, with what has changed in them.
// A row that would come, go or change its place waits for "refresh". Hidden or paused, nothing is fetched.

const EVERY = 60000;
const board = document.getElementById("board");
if (board) follow();

function follow() {
  const asOf = board.querySelector("[data-as-of]");
  const trouble = board.querySelector("[data-trouble]");
  const pause = board.querySelector("[data-pause]");
  let timer = 0, last = Date.now(), paused = false, over = false;

  function wait() {
    clearTimeout(timer);
    if (paused || over || document.hidden) return;
    timer = setTimeout(refresh, Math.max(0, last + EVERY - Date.now()));
  }

  async function refresh() {
    last = Date.now();
    const fresh = await fetched();
    if (!paused && fresh) {
      trouble.textContent = swap(fresh) ? board.dataset.moved : "";
      asOf.textContent = fresh.querySelector("[data-as-of]").textContent;
    }
    wait();
  }

  // The board as it stands now; none where it cannot be had. Another person's, or nobody's, ends the following.
  async function fetched() {
    try {
      const answer = await fetch(window.location.href, { credentials: "same-origin", cache: "no-store" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("board");
      if (answer.ok && fresh && fresh.dataset.board === board.dataset.board) return fresh;
      over = answer.ok || answer.status < 500;
    } catch (error) { /* the line is down: again in a minute */ }
    trouble.textContent = board.dataset.lost;
    return null;
  }

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? pause.dataset.goOn : pause.dataset.pause;
    wait();
  });
  document.addEventListener("visibilitychange", wait);
  wait();
}

// Whether rows would come, go or change their place.
function swap(fresh) {
  const rows = [...board.querySelectorAll("[data-row]")];
  const news = [...fresh.querySelectorAll("[data-row]")];
  const byKey = new Map(news.map((row) => [row.dataset.row, row]));
  for (const row of rows) {
    const other = byKey.get(row.dataset.row);
    if (other) [...row.cells].forEach((cell, at) => other.cells[at] && put(cell, other.cells[at]));
  }
  for (const part of board.querySelectorAll("[data-live]")) {
    const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (other) put(part, other);
  }
  return rows.length !== news.length || rows.some((row, at) => row.dataset.row !== news[at].dataset.row);
}

// What is the same is left alone; where the focus was inside, it stays on what stands there now.
function put(cell, other) {
  if (cell.innerHTML === other.innerHTML) return;
  const links = [...cell.querySelectorAll("a")];
  const held = links.indexOf(document.activeElement);
  cell.className = other.className;
  cell.innerHTML = other.innerHTML;
  if (held >= 0) (cell.querySelectorAll("a")[held] || hold(cell)).focus({ preventScroll: true });
}

// A number that became none has no link any more: the cell itself keeps the place.
function hold(cell) {
  cell.tabIndex = -1;
  return cell;
}
