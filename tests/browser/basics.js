// What every accessibility checker looks for first; contrast as WCAG 2.1, 1.4.3 computes it. Returns sentences.
() => {
  const faults = [];
  const name = (e) => (e.getAttribute("aria-label") || e.textContent || e.getAttribute("alt") || e.title || "").trim()
    || [...e.querySelectorAll("img")].map((i) => i.alt).join("");
  if (!document.documentElement.lang) faults.push("no lang");
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (!document.title) faults.push("no title");
  for (const e of document.querySelectorAll("a[href], button")) if (!name(e)) faults.push(`no name: ${e.outerHTML}`);
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea, progress"))
    if (!e.labels.length || !e.labels[0].textContent.trim()) faults.push(`no label: ${e.outerHTML}`);
  for (const e of document.querySelectorAll("img:not([alt])")) faults.push(`no alt: ${e.outerHTML}`);
  for (const e of document.querySelectorAll("th:not([scope])")) faults.push(`no scope: ${e.outerHTML}`);
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((h) => Number(h.tagName[1]));
  levels.forEach((l, i) => { if (i && l > levels[i - 1] + 1) faults.push(`heading h${l} after h${levels[i - 1]}`); });
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`wider than the window: ${document.documentElement.scrollWidth}`);
  const rgb = (c) => (c.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c; } return [255, 255, 255]; };
  for (const e of document.querySelectorAll("main *, header *, footer *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !e.checkVisibility() || e.closest("math, button:disabled, option")) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(2)}: ${e.outerHTML.slice(0, 80)}`);
  }
  return faults;
}
