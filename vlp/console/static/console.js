// What has changed, keys, and answers of the server that are not pages. Everything else is htmx.
"use strict";

const error = document.getElementById("error");

function say(words) {
  error.textContent = words;
  error.hidden = !words;
}

document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.requestConfig.verb === "post") say("");
});
document.body.addEventListener("htmx:responseError", (event) => say(event.detail.xhr.responseText));
document.body.addEventListener("htmx:sendError", () => say("the console does not answer; is vlp serve still running?"));
document.body.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.target.id === "begin") event.target.elements.instruction.blur();
});

// A browser has six connections for all windows of one server: a window that can't be seen keeps none, so that
// the one that stops the robot gets through.
let changes = null;

function look() {
  if (document.hidden) {
    changes?.close();
    changes = null;
  } else if (!changes) {
    changes = new EventSource("/events");
    for (const part of ["status", "plan", "acted", "history"])
      changes.addEventListener(part, () => htmx.trigger(`#${part}`, "changed"));
    changes.addEventListener("camera", (event) => {
      document.getElementById("camera").src = `/camera.jpg?${event.data}`;
    });
  }
}

document.addEventListener("visibilitychange", look);
addEventListener("DOMContentLoaded", look);

function move(by) {
  const all = [...document.querySelectorAll("input[name=node]:not(:disabled)")].filter((one) => one.offsetParent);
  if (!all.length) return;
  const at = all.findIndex((one) => one.checked);
  const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
  next.checked = true;
  next.focus();
}

function press(id) {
  const words = document.getElementById("words");
  if ((id === "reject" || id === "edit") && words && !words.value) words.focus();
  else document.getElementById(id)?.click();
}

const keys = {
  a: () => press("approve"),
  p: () => press("pick"),
  r: () => press("reject"),
  e: () => press("edit"),
  j: () => move(1),
  k: () => move(-1),
  "/": () => document.querySelector("#begin [name=instruction]").focus(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    press("stop");
    return;
  }
  const typing = event.target.matches("input:not([type=radio]), textarea, select");
  if (!typing && Object.hasOwn(keys, event.key)) {
    event.preventDefault();
    keys[event.key]();
  }
});
