// What is typed stays in this browser until the server has it: a dead connection, a closed tab and a login that ran
// out lose nothing. One item an entry, under the person's key; signing out clears them all (luoshi.js).

const MONTH = 30 * 24 * 3600 * 1000;
const key = (user, entry) => `luoshi:${user}:${entry}`;

// False where the browser keeps nothing (full, or forbidden).
export function keep(user, row) {
  try {
    const kept = { version: row.version, values: row.values, sent: row.sent ? [...row.lost, row.sent] : row.lost, at: Date.now() };
    localStorage.setItem(key(user, row.entry), JSON.stringify(kept));
    return true;
  } catch (error) {
    return false;
  }
}

export function drop(user, entry) {
  try { localStorage.removeItem(key(user, entry)); } catch (error) { /* nothing is kept there anyway */ }
}

export function kept(user, entry) {
  try {
    const item = JSON.parse(localStorage.getItem(key(user, entry)));
    return item && typeof item.values === "object" && Date.now() - item.at < MONTH ? item : null;
  } catch (error) {
    return null;
  }
}
