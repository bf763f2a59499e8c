// A button that copies the text before it. Without a clipboard the text is selected, to be copied by hand.
const button = document.querySelector("[data-copy]");
const text = document.querySelector("[data-copied]");
if (button && text) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    text.select();
    try {
      await navigator.clipboard.writeText(text.value);
    } catch {
      document.execCommand("copy");
    }
    button.textContent = button.dataset.done;
  });
}
