// One entry of the queue: open, asked to be decided on, or decided and folded in its place.

export class Case {
  constructor(element, words) {
    this.element = element;
    this.words = words;
    this.entry = Number(element.dataset.entry);
    this.code = element.dataset.code;
    this.version = Number(element.querySelector("[name$='-version']").value);
    this.reason = element.querySelector("textarea");
    this.pick = element.querySelector(".pick input");
    this.box = element.querySelector(".returning");
    this.state = element.querySelector(".state");
    this.undoButton = element.querySelector(".undo");
    this.act = ""; // asked for and not answered yet
    this.sent = false;
    this.again = ""; // to be asked for once the first is answered
    this.done = ""; // how it was decided
    this.undoable = false;
  }

  get isOpen() { return !this.done && !this.act; }
  get faultText() { return this.element.querySelector(".decide > .fault").textContent; }

  // Under the bar that is always in sight; `scroll-margin` keeps the distance.
  focus() {
    this.element.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "start" });
  }

  ask(act) {
    this.act = act;
    this.comment = this.reason.value.trim();
    this.pick.checked = false;
    this.fault("");
    this.fold(this.words.sending, false);
  }

  // Whether there was a decision to take back: one not sent yet is simply not sent.
  takeBack() {
    if (this.act && this.act !== "undo") {
      if (this.sent) this.again = "undo";
      else this.unfold("");
      this.act = this.sent ? this.act : "";
      return true;
    }
    if (!this.done || !this.undoable) return false;
    this.act = "undo";
    this.comment = "";
    this.done = "";
    return true;
  }

  // Whether it went through.
  answered(answer) {
    const asked = this.act;
    this.act = "";
    this.sent = false;
    if (answer.version && answer.outcome === "done") this.version = answer.version;
    if (answer.outcome !== "done") {
      this.again = "";
      this.unfold("");
      this.fault(answer.message);
      if (answer.outcome === "invalid") this.box.open = true;
      return false;
    }
    if (asked === "undo") {
      this.unfold(this.words.undone);
      return true;
    }
    this.done = asked;
    this.undoable = answer.undo;
    if (asked === "return") this.reason.value = "";
    this.fold(asked === "return" ? `${this.words.return}：${this.comment}` : this.words.accept, answer.undo);
    if (this.again) {
      this.again = "";
      this.takeBack();
    }
    return true;
  }

  fold(said, undo) {
    this.element.classList.add("decided");
    this.state.textContent = said;
    this.undoButton.hidden = !undo;
  }

  unfold(said) {
    this.done = "";
    this.element.classList.remove("decided");
    this.state.textContent = said;
    this.undoButton.hidden = true;
  }

  fault(said) {
    const place = this.element.querySelector(".decide > .fault");
    place.textContent = said;
    place.hidden = !said;
  }
}
