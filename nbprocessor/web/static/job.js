// A running job: status, progress and message as they change, by server-sent events; by asking when these cannot be had.
import { changes, localTimes } from "./page.js";

const job = document.getElementById("job");
const message = document.getElementById("job-message");
const dismiss = document.getElementById("job-dismiss");
const address = job.dataset.job;
const ended = new Set(["successful", "failed", "dismissed"]);
let shown = null;
let asked = false;
const left = document.getElementById("job-left");
const ahead = Date.now() - Date.parse(left.dataset.now); // what this clock is ahead of the server's
let stale = false;

// Steps and facts are written by the server: their part of this page is taken anew, one request at a time,
// and left alone while the reader has the keyboard in it.
async function refresh() {
  stale = asked;
  if (asked) return;
  asked = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [before, after] = [document, page].map((one) => one.getElementById("job-parts"));
    if (answer.ok && after && !before.contains(document.activeElement)) {
      localTimes(after);
      before.replaceWith(after);
    }
  } catch { /* the next change asks again */ }
  asked = false;
  if (stale) refresh();
}

// As formats.about writes it.
function about(seconds) {
  if (seconds > 5400) return `${Math.ceil(seconds / 3600)} h`;
  if (seconds > 90) return `${Math.ceil(seconds / 60)} min`;
  return `${seconds > 10 ? Math.ceil(seconds / 5) * 5 : Math.max(1, Math.ceil(seconds))} s`;
}

function showLeft() {
  const seconds = (Date.parse(left.dataset.until) + ahead - Date.now()) / 1000;
  left.hidden = Number.isNaN(seconds);
  left.textContent = left.hidden ? "" : left.dataset.text.replace("{time}", about(seconds));
}
setInterval(showLeft, 1000);

function show(info) {
  if (info.status !== shown) {
    shown = info.status;
    const word = job.querySelector(`template[data-status="${CSS.escape(info.status)}"]`);
    if (word) document.getElementById("job-status").replaceChildren(word.content.cloneNode(true));
    job.className = `job ${info.status}`;
  }
  document.getElementById("job-progress").value = info.progress ?? 0;
  document.getElementById("job-percent").textContent = `${info.progress ?? 0} %`;
  left.dataset.until = info.estimatedCompletion ?? "";
  showLeft();
  if (message.textContent !== (info.message ?? "") && !ended.has(info.status)) {
    // The notebook is saved a moment after a cell begins, later when it is large.
    for (const moment of [0, 1500, 6000]) setTimeout(refresh, moment);
  }
  message.textContent = info.message ?? "";
  message.hidden = !info.message;
  // What the job left is on the page the server writes now.
  if (ended.has(info.status)) location.reload();
  return ended.has(info.status);
}

async function ask() {
  try {
    const answer = await fetch(`${address}?f=json`, { headers: { Accept: "application/json" } });
    if (answer.status === 401) return location.reload(); // to sign in, and come back
    if (answer.ok && show(await answer.json())) return;
  } catch { /* asked again below */ }
  setTimeout(ask, 2000);
}

const events = new EventSource(`${address}/events`);
events.addEventListener("status", (event) => {
  if (show(JSON.parse(event.data))) events.close();
});
events.addEventListener("error", () => {
  // The browser reconnects by itself unless the server refused.
  if (events.readyState === EventSource.CLOSED) ask();
});

dismiss.hidden = false;
dismiss.addEventListener("click", async () => {
  if (!confirm(dismiss.dataset.ask)) return;
  dismiss.disabled = true;
  try {
    const answer = await fetch(address, { method: "DELETE", headers: changes({ Accept: "application/json" }) });
    if (!answer.ok) throw new Error(answer.statusText);
    show(await answer.json());
  } catch {
    message.textContent = dismiss.dataset.failed;
    message.hidden = false;
    dismiss.disabled = false;
  }
});
