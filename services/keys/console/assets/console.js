// Script of all pages: what makes them quicker. Everything works without it.
"use strict";

const announcement = document.getElementById("announcement");
// What is shown this once, if anything is.
const once = document.querySelector("[data-guard] .copyable code")?.textContent;
let stored = false;

// Copy: the element that a button names.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Not over plain HTTP beyond this machine: what is selected is copied by hand.
    getSelection().selectAllChildren(source);
    return;
  }
  stored ||= Boolean(once) && source.textContent.includes(once);
  const before = button.textContent;
  button.textContent = announcement.textContent = announcement.dataset.copied;
  setTimeout(() => {
    button.textContent = before;
    announcement.textContent = "";
  }, 2000);
});

// A box that must be ticked before a button or link can be used: data-enables names it.
for (const box of document.querySelectorAll("[data-enables]")) {
  const enabled = document.getElementById(box.dataset.enables);
  const update = () => {
    enabled.toggleAttribute("disabled", !box.checked);
    enabled.setAttribute("aria-disabled", String(!box.checked));
    stored ||= box.checked;
  };
  box.addEventListener("change", update);
  update();
}
document.addEventListener("click", (event) => {
  if (event.target.closest('a[aria-disabled="true"]')) event.preventDefault();
});

// Leaving a page that shows something once (data-guard) is asked about until it was copied or said to be stored; a form
// with that mark, once it was typed into and until it is sent.
for (const guarded of document.querySelectorAll("[data-guard]")) {
  let asks = guarded.tagName !== "FORM";
  guarded.addEventListener("input", () => (asks = true));
  guarded.addEventListener("submit", () => (asks = false));
  addEventListener("beforeunload", (event) => {
    if (asks && !stored) event.preventDefault();
  });
  if (guarded.tagName === "FORM") continue;
  // A browser may keep a page that was left, whatever Cache-Control says, and Back shows it: without its secret, and
  // on to where Done leads.
  const next = guarded.querySelector("#done").href;
  addEventListener("pagehide", () => {
    asks = false;
    guarded.replaceChildren();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.replace(next);
  });
}

// Times: the server writes them in the zone that it knows, with UTC as the title. It learns the browser's from a cookie,
// and until then they are rewritten here.
const page = document.documentElement;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (document.body.classList.contains("console") && zone) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `grillo_time_zone=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;
}
const form = new Intl.DateTimeFormat(page.lang, { dateStyle: "medium", timeStyle: "short" });
const tellTimes = () => {
  if (page.dataset.timeZone) return;
  for (const time of document.querySelectorAll("time[datetime]:not([title])")) {
    time.title = time.textContent;
    time.textContent = form.format(new Date(time.dateTime));
  }
};
tellTimes();

// Parts that are polled (data-poll, by htmx) while somebody sees the page. What is as its tag says is a 304. Refused, as
// after signing out, a part is left as it is, and says so.
const poll = () => {
  if (document.hidden) return;
  for (const part of document.querySelectorAll("[data-poll]")) part.dispatchEvent(new Event("poll"));
};
setInterval(poll, 5000);
document.addEventListener("visibilitychange", poll);
addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const { tag } = ctx.sourceElement.dataset;
  if (tag) ctx.request.headers["If-None-Match"] = tag;
});
addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (ctx.response.status < 500) ctx.sourceElement.removeAttribute("data-poll");
});
addEventListener("htmx:after:swap", tellTimes);

// A page that only asks, in a dialog above the one that it is about.
const dialog = document.getElementById("dialog");
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (event.target.closest("dialog [data-cancel]")) {
    event.preventDefault();
    dialog.close();
  } else if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    const answer = await fetch(link.href).catch(() => null);
    const asking = new DOMParser().parseFromString(answer ? await answer.text() : "", "text/html");
    const asked = asking.querySelector("main form.form");
    if (!asked) return location.assign(link.href);
    const title = asking.querySelector("h1");
    title.id = "asked";
    dialog.replaceChildren(title, asked);
    dialog.onclose = () => link.focus();
    dialog.showModal();
  }
});
