// What HTML and HTMX cannot do: copying, selecting all, saying that something works or failed.

const problem = document.getElementById("problem");

const say = (text) => {
  problem.textContent = text;
  problem.hidden = !text;
  if (text) problem.scrollIntoView({ block: "nearest" });
};

// A refusal that is no form: the page it came with says what happened in its first paragraph.
const reasonOf = (request) => {
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  const said = page.querySelector("[data-reason]");
  return said ? said.textContent.trim() : `The server answered ${request.status}. Load the page again and try once more.`;
};

document.addEventListener("htmx:beforeRequest", () => say(""));
document.addEventListener("htmx:responseError", (event) => say(reasonOf(event.detail.xhr)));
document.addEventListener("htmx:sendError", () => say("The server cannot be reached. Check that it runs, then try again."));
document.addEventListener("htmx:timeout", () => say("The server took too long. Try again."));

// How much of a file is on its way.
document.addEventListener("htmx:xhr:progress", (event) => {
  const bar = event.target.querySelector?.("progress");
  if (!bar || !event.detail.lengthComputable) return;
  bar.hidden = false;
  bar.max = event.detail.total;
  bar.value = event.detail.loaded;
});

// A form is sent once: its button says that it works until the next page, or the same one on the way back.
const busy = (form, isBusy) => {
  form.toggleAttribute("data-busy", isBusy);
  for (const button of form.querySelectorAll("button")) button.ariaDisabled = isBusy ? "true" : null;
};

document.addEventListener("click", (event) => {
  // The second click of a double click is no second wish, also where the first one is already answered;
  // except where to press again means to do again.
  if (event.detail < 2 || !event.target.closest("button[type=submit]:not([data-repeat])")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.hasAttribute("data-busy")) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  const isDownload = event.submitter?.hasAttribute("data-download");
  if (isDownload) event.stopPropagation(); // a file is for the browser, not for HTMX
  const isScripted = form.matches("[hx-get], [hx-post]") && !isDownload;
  if (form.method === "post" && !isDownload && !isScripted) busy(form, true);
}, true);

window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-busy]")) busy(form, false);
});

// Copying: the button says for a moment that it is done. Over plain http from another machine a browser lets no
// page copy: then the text is selected, and a key does it.
const copy = async (source) => {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    return "Press Ctrl+C";
  }
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  button.dataset.label ??= button.textContent;
  button.textContent = await copy(document.querySelector(button.dataset.copy));
  setTimeout(() => { button.textContent = button.dataset.label; }, 3000);
});

// One box for all boxes of its table, and the number of those that are ticked: also after Back, where the
// browser ticks them again.
const count = (form) => {
  const boxes = [...form.querySelectorAll("input[name=trace]")];
  const all = form.querySelector("[data-select-all]");
  const ticked = boxes.filter((box) => box.checked).length;
  all.checked = ticked === boxes.length;
  all.indeterminate = ticked > 0 && !all.checked;
  form.querySelector("[data-selected]").textContent = `${ticked} selected`;
};

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-select]");
  if (!form) return;
  if (event.target.matches("[data-select-all]")) {
    for (const box of form.querySelectorAll("input[name=trace]")) box.checked = event.target.checked;
  }
  count(form);
});

window.addEventListener("pageshow", () => document.querySelectorAll("[data-select]").forEach(count));
