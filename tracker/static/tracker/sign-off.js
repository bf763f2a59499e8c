// Comforts of signing off: choose all, how many are chosen, and a button that prints.
const boxes = [...document.querySelectorAll("[name=chosen]")];
const all = document.querySelector("[data-pick-all]");
const told = document.querySelector("[data-chosen]");

function count() {
  const chosen = boxes.filter((box) => box.checked).length;
  all.checked = chosen === boxes.length;
  told.textContent = chosen ? ` (${chosen})` : "";
}

if (all && told) {
  all.parentElement.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    count();
  });
  for (const box of boxes) box.addEventListener("change", count);
  window.addEventListener("pageshow", count);
  count();
}

const print = document.querySelector("[data-print]");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
