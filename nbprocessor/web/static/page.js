// Times in the reader's own zone; every page works without.
const language = document.documentElement.lang;
const format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
export function localTimes(part) {
  for (const time of part.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.valueOf())) {
      time.title = time.textContent;
      time.textContent = format.format(moment);
    }
  }
}
localTimes(document);

// Whoever has signed in sends changes with his session's token, which no other site's page can know.
export function changes(headers) {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  return token ? { ...headers, "X-CSRF-Token": token } : headers;
}

// The standard's datetime is an instant or an interval: "since this day" is an interval open at its end.
for (const since of document.querySelectorAll("[data-open-interval]")) {
  since.form.addEventListener("submit", () => {
    if (since.value) {
      const interval = document.createElement("input");
      interval.type = "hidden";
      interval.name = since.name;
      interval.value = `${since.value}T00:00:00Z/..`;
      since.form.append(interval);
    }
    since.disabled = true;
  });
  for (const field of since.form.querySelectorAll("input[type=number]")) {
    since.form.addEventListener("submit", () => { field.disabled = !field.value; });
  }
}
