// Quoting from below: a button appends a text, under its body's short name, to one's own; never the same text twice.
for (const button of document.querySelectorAll("[data-quote]")) {
  const box = document.getElementById(button.dataset.into);
  const text = button.closest(".quote").querySelector("[data-quoted]");
  if (!box || !text) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    const words = `${button.dataset.quote}：${text.textContent}`;
    if (!box.value.includes(words)) {
      box.value += (box.value && !box.value.endsWith("\n") ? "\n" : "") + words;
      box.dispatchEvent(new Event("input", { bubbles: true }));
    }
    button.parentElement.querySelector("[role=status]").textContent = button.dataset.done;
  });
}
