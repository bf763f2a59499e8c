// Comforts only: every page works without this.

// A form is sent once: a second click waits for the answer to the first.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.forget && !forget(form.dataset.forget)) { event.preventDefault(); return; }
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// Signing out takes away what this browser keeps of anybody's typing; where it was not uploaded yet, that is asked first.
function forget(question) {
  try {
    const kept = Object.keys(localStorage).filter((key) => key.startsWith("luoshi:"));
    if (kept.length && !window.confirm(question)) return false;
    for (const key of kept) localStorage.removeItem(key);
  } catch (error) { /* a browser that keeps nothing has nothing to forget */ }
  return true;
}

// Leaving with words typed and not saved asks first.
const entry = document.querySelector("form[data-keep]");
if (entry) {
  let changed = false;
  entry.addEventListener("input", () => { changed = true; });
  entry.addEventListener("submit", () => { changed = false; });
  window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
}

// On a phone last period is folded; it opens with a touch.
if (window.matchMedia("(max-width: 640px)").matches) {
  for (const fold of document.querySelectorAll("[data-fold]")) fold.open = false;
}

// What was refused is read first.
const faults = document.querySelector(".faults");
if (faults) faults.focus();
