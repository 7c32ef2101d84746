(() => {
  "use strict";
  const list = document.getElementById("findings");
  if (!list) return;
  document.documentElement.classList.add("js");
  const rows = Array.from(list.children);
  const box = document.getElementById("search");
  const shown = document.getElementById("shown");
  const none = document.getElementById("none");
  const chips = Array.from(document.querySelectorAll("[data-verdict]"));
  const wanted = new Set();
  let texts = null;
  let state = rows.map(() => true);
  const number = new Intl.NumberFormat("en");
  const read = () => rows.map((row) => row.firstElementChild.firstElementChild.textContent.toLowerCase());
  const apply = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length && !texts) texts = read();
    let n = 0;
    rows.forEach((row, i) => {
      const fits = (!wanted.size || wanted.has(row.dataset.v)) && words.every((word) => texts[i].includes(word));
      if (fits) n += 1;
      if (fits !== state[i]) { state[i] = fits; row.hidden = !fits; }
    });
    shown.textContent = number.format(n) + " of " + number.format(rows.length) + " failures shown";
    none.hidden = n > 0;
  };
  let due = 0;
  box.addEventListener("input", () => { clearTimeout(due); due = setTimeout(apply, 60); });
  chips.forEach((chip) => chip.addEventListener("click", () => {
    const verdict = chip.dataset.verdict;
    if (!wanted.delete(verdict)) wanted.add(verdict);
    chip.setAttribute("aria-pressed", String(wanted.has(verdict)));
    apply();
  }));
  const fold = document.getElementById("fold");
  fold.addEventListener("click", () => {
    const open = fold.getAttribute("aria-pressed") !== "true";
    fold.setAttribute("aria-pressed", String(open));
    rows.filter((_, i) => state[i]).slice(0, 200).forEach((row) => { row.firstElementChild.open = open; });
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); box.focus(); }
    if (event.key === "Escape" && document.activeElement === box) { box.value = ""; apply(); }
  });
  const jump = () => {
    const row = /^#f\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (row) { row.hidden = false; state[rows.indexOf(row)] = true; row.firstElementChild.open = true; row.scrollIntoView(); }
  };
  addEventListener("hashchange", jump);
  jump();
  apply();
})();
