// Files leave for the server as soon as they are chosen, one after another, and the page stays. Without this they go
// along when the entry is saved or submitted.
const chooser = document.querySelector("[data-upload]");
if (chooser) {
  const words = chooser.dataset;
  const form = chooser.form;
  const list = document.getElementById("files");
  const lines = document.getElementById("uploads");
  const buttons = form.querySelectorAll("button[name=action]");
  const queue = [];
  let busy = false;

  // A list item that says how far one file is; the percentage is for the eye alone.
  const line = (file) => {
    const item = document.createElement("li");
    const state = document.createElement("span");
    const percent = document.createElement("span");
    percent.setAttribute("aria-hidden", "true");
    item.append(file.name + words.joiner, state, percent);
    lines.append(item);
    return {
      say: (text, share = "") => { if (state.textContent !== text) state.textContent = text; percent.textContent = share; },
      fail: (text) => { item.className = "fault"; state.textContent = text; percent.textContent = ""; },
      offer: (act) => {
        const button = document.createElement("button");
        button.type = "button"; button.className = "btn-bare"; button.textContent = words.again;
        button.addEventListener("click", () => { item.remove(); act(); });
        item.append(" ", button);
      },
      done: () => item.remove(),
    };
  };

  // Each tick becomes a button that takes the file off at once.
  const dress = () => {
    for (const label of list.querySelectorAll("label.off")) {
      const button = document.createElement("button");
      button.type = "button"; button.className = "btn-bare off"; button.value = label.querySelector("input").value;
      button.append(...label.querySelectorAll("span"));
      button.addEventListener("click", () => {
        button.disabled = true;
        send("take_off", button.value, () => {}).then((answer) => show(answer), () => { button.disabled = false; });
      });
      label.replaceWith(button);
    }
  };
  const show = (answer) => { list.innerHTML = answer.list; dress(); };

  const send = (name, value, progress) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const data = new FormData();
    data.append("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
    data.append(name, value);
    request.open("POST", words.upload);
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) progress(event.loaded / event.total); });
    request.addEventListener("load", () => {
      try { resolve(JSON.parse(request.responseText)); } catch { reject(request.status === 200 || request.status === 403 ? words.expired : words.failed); }
    });
    request.addEventListener("error", () => reject(words.failed));
    request.send(data);
  });

  const next = async () => {
    const job = queue.shift();
    if (!job) {
      busy = false;
      for (const button of buttons) button.disabled = false;
      return;
    }
    busy = true;
    for (const button of buttons) { button.disabled = true; button.title = words.hold; }
    job.line.say(words.sending, " 0%");
    try {
      const answer = await send("files", job.file, (share) => {
        if (share < 1) job.line.say(words.sending, ` ${Math.floor(share * 100)}%`); else job.line.say(words.checking);
      });
      show(answer);
      if (answer.refused.length) job.line.fail(answer.refused.map((pair) => pair[1]).join(" ")); else job.line.done();
    } catch (why) {
      job.line.fail(why);
      job.line.offer(() => add([job.file]));
    }
    for (const button of buttons) button.title = "";
    next();
  };

  const add = (files) => {
    for (const file of files) {
      const job = { file, line: line(file) };
      job.line.say(words.waiting);
      queue.push(job);
    }
    if (!busy) next();
  };

  // Chosen files are no words left unsaved: they are on their way.
  chooser.addEventListener("input", (event) => event.stopPropagation());
  chooser.addEventListener("change", () => { const files = [...chooser.files]; chooser.value = ""; add(files); });
  dress();
}
