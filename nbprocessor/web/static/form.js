// The run form: controls become the JSON of an execute request; the server's faults come back to the fields.
import { changes } from "./page.js";

const form = document.getElementById("execute");
const summary = document.getElementById("problems");
const button = form.querySelector("button[type=submit]");
const direct = document.getElementById("direct");
const fields = [...form.querySelectorAll("[data-input]")];

class FieldError extends Error {}

const only = (field) => field.querySelector("input, select, textarea");
const say = (key) => form.dataset[key];

function number(text) {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new FieldError(say("errorNumber"));
  return value;
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new FieldError(String(reader.error)));
    reader.readAsDataURL(file);
  });
}

// Each returns the value of a field, or undefined when nothing is given.
const readers = {
  text: (field) => only(field).value || undefined,
  longtext: (field) => only(field).value || undefined,
  number(field) {
    const control = only(field);
    if (control.validity.badInput) throw new FieldError(say("errorNumber"));
    return control.value === "" ? undefined : number(control.value);
  },
  choice: (field) => (only(field).value === "" ? undefined : JSON.parse(only(field).value)),
  boolean: (field) => (only(field).value === "" ? undefined : only(field).value === "true"),
  choices(field) {
    const chosen = [...field.querySelectorAll("input:checked")].map((box) => JSON.parse(box.value));
    return chosen.length || "required" in field.dataset ? chosen : undefined;
  },
  lines(field) {
    const lines = only(field).value.split("\n").map((line) => line.trim()).filter(Boolean);
    if (!lines.length) return undefined;
    return field.dataset.items === "number" ? lines.map(number) : lines;
  },
  bbox(field) {
    const sides = [...field.querySelectorAll("input")];
    if (sides.some((side) => side.validity.badInput)) throw new FieldError(say("errorNumber"));
    if (sides.every((side) => side.value === "")) return undefined;
    if (sides.some((side) => side.value === "")) throw new FieldError(say("errorBbox"));
    return { bbox: sides.map((side) => number(side.value)) };
  },
  async file(field) {
    const [file] = only(field).files;
    if (!file) return undefined;
    const mediaType = field.dataset.mediaType || file.type;
    return { value: await base64(file), encoding: "base64", ...(mediaType ? { mediaType } : {}) };
  },
  json(field) {
    const text = only(field).value.trim();
    if (!text) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      if ("textAllowed" in field.dataset) return text;
      throw new FieldError(say("errorJson"));
    }
  },
};

async function read() {
  const inputs = {};
  const faults = [];
  for (const field of fields) {
    const { input, kind } = field.dataset;
    try {
      const value = await readers[kind](field);
      if (value !== undefined) inputs[input] = value;
      else if ("required" in field.dataset && "nullable" in field.dataset) inputs[input] = null;
      else if ("required" in field.dataset) faults.push({ field, detail: say("errorRequired") });
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      faults.push({ field, detail: error.message });
    }
  }
  return { request: { inputs }, faults };
}

function clear() {
  summary.hidden = true;
  summary.querySelector("ul").replaceChildren();
  for (const field of fields) {
    const place = field.querySelector(".error");
    place.textContent = "";
    place.hidden = true;
    for (const control of field.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  }
}

// Show faults at their fields, and all of them at the top with links to the fields.
function show(faults) {
  const list = summary.querySelector("ul");
  for (const { field, detail } of faults) {
    const item = document.createElement("li");
    if (field) {
      const place = field.querySelector(".error");
      place.textContent = place.textContent ? `${place.textContent} ${detail}` : detail;
      place.hidden = false;
      const control = only(field);
      control.setAttribute("aria-invalid", "true");
      control.id ||= `${place.id}-control`;
      const link = document.createElement("a");
      link.href = `#${control.id}`;
      link.textContent = field.querySelector("label, legend").textContent.replace("*", "").trim();
      item.append(link, `: ${detail}`);
    } else {
      item.textContent = detail;
    }
    list.append(item);
  }
  summary.hidden = false;
  summary.focus();
}

// A fault's JSON pointer names the input in its second part: /inputs/<id>/…
function fieldOf(pointer) {
  const [, first, second] = pointer.replace(/^#/, "").split("/");
  if (first !== "inputs" || second === undefined) return undefined;
  const id = second.replaceAll("~1", "/").replaceAll("~0", "~");
  return fields.find((field) => field.dataset.input === id);
}

function faultsOf(problem) {
  const errors = Array.isArray(problem.errors) ? problem.errors : [];
  if (!errors.length) return [{ detail: problem.detail || problem.title }];
  return errors.map(({ pointer = "", detail = "", mend = "" }) => {
    const field = fieldOf(pointer);
    const words = [detail, mend].filter(Boolean).join(" ");
    return { field, detail: field || !pointer ? words : `${pointer}: ${words}` };
  });
}

async function execute() {
  clear();
  const { request, faults } = await read();
  if (faults.length) return show(faults);
  const words = button.textContent;
  button.disabled = true;
  // Without a preference the server answers with the results, unless they take too long.
  const waits = Boolean(direct?.checked);
  button.textContent = say(waits ? "waiting" : "sending");
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: changes({
        "Content-Type": "application/json",
        Accept: "application/json",
        ...(waits ? {} : { Prefer: "respond-async" }),
      }),
      body: JSON.stringify(request),
    });
    if (answer.status === 401) return show([{ detail: say("errorSignedOut") }]);
    if (!answer.ok) return show(faultsOf(await answer.json()));
    // The job's address ends with its id, whatever name the server goes by.
    const id = new URL(answer.headers.get("Location"), location.href).pathname.split("/").pop();
    const place = answer.status === 200 ? `${encodeURIComponent(id)}/results` : encodeURIComponent(id);
    location.assign(say("jobs").replace("%25", "%").replace("%", place));
    return undefined;
  } catch {
    return show([{ detail: say("errorNetwork") }]);
  } finally {
    button.disabled = false;
    button.textContent = words;
  }
}

// The request as a Python literal, and within single quotes of a shell.
function python(value, indent = "") {
  const deeper = `${indent}    `;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const list = Array.isArray(value);
  const parts = list ? value.map((item) => python(item, deeper)) : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${python(item, deeper)}`);
  const [open, close] = list ? "[]" : "{}";
  const line = parts.join(", ");
  if (line.length + indent.length < 90 && !line.includes("\n")) return open + line + close;
  return `${open}\n${parts.map((part) => deeper + part).join(",\n")},\n${indent}${close}`;
}

const writers = {
  shell: (request) => JSON.stringify(request).replaceAll("'", "'\\''"),
  python,
};

async function refresh() {
  const { request } = await read();
  for (const place of document.querySelectorAll("[data-request]")) {
    place.textContent = writers[place.dataset.request](request);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  execute();
});
form.addEventListener("input", refresh);
button.disabled = false;
refresh();
