// What is asked of the level above is folded while the status is another; where something stands in it, it stays in sight.
const asks = document.getElementById("asks");
const statuses = document.querySelectorAll(`input[name="${asks.dataset.asks}"]`);

function fold() {
  const chosen = [...statuses].find((status) => status.checked);
  const said = [...asks.querySelectorAll("input, textarea")].some((field) => field.value);
  asks.hidden = !(chosen && chosen.value === "blocked") && !said && !asks.querySelector(".fault");
}

for (const status of statuses) status.addEventListener("change", fold);
fold();
