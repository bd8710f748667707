// What has changed, keys, and answers of the server that are not pages. Everything else is htmx.
"use strict";

const error = document.getElementById("error");
// An answer is on its way: the plan that it is about may be gone before the server has said so.
let answering = false;

function say(words) {
  error.textContent = words;
  error.hidden = !words;
}

// By the request itself: htmx tells nobody of an answer to a button whose part was drawn again meanwhile.
document.body.addEventListener("htmx:beforeRequest", ({ detail: { requestConfig: { path, verb }, xhr } }) => {
  if (verb === "post") say("");
  if (path === "/answer") answering = true;
  xhr.addEventListener("loadend", () => arrived(path, xhr));
});

function arrived(path, xhr) {
  if (path === "/answer") answering = false;
  if (!xhr.status) say("the console does not answer; is vlp serve still running?");
  else if (xhr.status >= 400) say(xhr.responseText);
  else if (path === "/runs") document.querySelector("#begin [name=instruction]").blur();
  else if (path === "/answer") {  // what was written is said: the next plan is answered by keys again
    mean("");
    if (document.activeElement.closest("#answer")) document.activeElement.blur();
    if (lost) say("");
    lost = false;
  }
}

// A browser has six connections for all windows of one server. One window, that which has the lock, keeps one for
// all and tells the others, so that the request that stops the robot gets through, however many are open.
const PARTS = ["stopped", "status", "plan", "acted", "history"];
const told = new BroadcastChannel("changes");

function changed(part, version) {
  if (document.hidden) return;  // all is asked for anew once it is seen again
  if (part === "camera") show(version);
  else htmx.trigger(`#${part}`, "changed");
}

function listen() {
  const changes = new EventSource("/events");
  for (const part of [...PARTS, "camera"])
    changes.addEventListener(part, ({ data }) => {
      changed(part, data);
      told.postMessage([part, data]);
    });
}

// One picture at a time: on a slow machine they would queue up before everything else.
const camera = document.getElementById("camera");
let next = null;

function show(version) {
  const loading = camera.src && !camera.complete;
  next = loading ? version : null;
  if (!loading) camera.src = `/camera.jpg?${version}`;
}

for (const end of ["load", "error"]) camera.addEventListener(end, () => next !== null && show(next));

function all() {
  for (const part of [...PARTS, "camera"]) changed(part, `${Date.now()}`);
}

told.addEventListener("message", ({ data }) => changed(...data));
document.addEventListener("visibilitychange", all);
addEventListener("DOMContentLoaded", () => {
  for (const part of document.querySelectorAll("[inert]")) part.inert = false;  // its buttons do something now
  all();
  if (!navigator.locks) listen();  // a page that came from another machine has none
  else
    navigator.locks.request("changes", () => {
      listen();
      return new Promise(() => {});
    });
});

function move(by) {
  const all = [...document.querySelectorAll("input[name=node]:not(:disabled)")].filter((one) => one.offsetParent);
  if (!all.length) return;
  const at = all.findIndex((one) => one.checked);
  const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
  next.checked = true;
  next.focus();
}

// What Enter means in the field of words: what was said with r or e, until the field is left.
let meant = "";

function mean(id) {
  meant = id;
  for (const one of ["reject", "edit"]) document.getElementById(one)?.classList.toggle("meant", one === id);
}

document.addEventListener("focusout", (event) => {
  if (event.target.id === "words") mean("");
});

function press(id) {
  const words = document.getElementById("words");
  if ((id === "reject" || id === "edit") && words && !words.value.trim()) {
    words.focus();
    mean(id);
  } else document.getElementById(id)?.click();
}

function enter(field) {
  if (field.id === "words" && meant) press(meant);
  else if (field.tagName === "INPUT") say("Enter does nothing here; press one of the buttons");
}

// A plan that is drawn again keeps what was written and chosen for it. One that came in its place gets nothing
// of that: no button in focus, and no letters of a reason whose field is gone as keys.
const FIELD = "input:not([type=radio]), textarea, select";
let lost = false;
let before = null;

const plan = () => document.getElementById("answer")?.dataset.plan;
const chosen = () => document.querySelector("input[name=node]:checked:not(:disabled)");

document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id !== "plan") return;
  const focus = document.activeElement;
  const written = ["words", "name"].map((name) => document.querySelector(`#answer [name=${name}]`)?.value ?? "");
  const inside = detail.target.contains(focus);
  before = { plan: plan(), written, node: chosen()?.value, meant, inside, writing: inside && focus.matches(FIELD) };
});

document.body.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id !== "plan" || !before) return;
  const name = document.querySelector("#answer [name=name]");
  if (name) name.value = before.written[1];
  if (plan() && plan() === before.plan) {
    document.getElementById("words").value = before.written[0];
    const same = [...document.querySelectorAll("input[name=node]")].find((one) => one.value === before.node);
    if (same) same.checked = true;
    if (document.activeElement.id === "words") mean(before.meant);
  } else {
    mean("");
    if (before.inside && !document.activeElement.matches(FIELD)) document.activeElement.blur();
  }
  if (before.writing && !answering && !document.activeElement.matches(FIELD)) {
    lost = true;
    say("the plan changed while you wrote, and nothing was sent; click anywhere, or press Tab, for keys to count");
  }
  before = null;
});

document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.requestConfig.path === "/answer") event.detail.elt.blur();
});
for (const sign of ["pointerdown", "focusin"]) document.addEventListener(sign, () => (lost = false));

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
  if (event.key === "Escape") {
    press("stop");
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Tab") lost = false;
  if (event.target.matches(FIELD)) {
    if (event.key === "Enter" && !event.repeat) enter(event.target);
  } else if (!lost && Object.hasOwn(keys, event.key)) {
    event.preventDefault();
    if (!event.repeat || event.key === "j" || event.key === "k") keys[event.key]();
  }
});
