"use strict";
// Filters and sorts the items of each list; without it all of them are shown, the most doubtful first.
for (const list of document.querySelectorAll("[data-list]")) {
  const controls = document.getElementById(list.dataset.list);
  const items = Array.from(list.children);
  const fields = Object.fromEntries(Array.from(controls.querySelectorAll("[name]"), (field) => [field.name, field]));
  const count = controls.querySelector("output");
  const more = document.createElement("button");
  let most = parseInt(list.dataset.most) || Infinity;  // items shown until all are asked for

  const has = (item, key, wanted) => !wanted || (item.dataset[key] || "").split("\n").includes(wanted);
  const show = () => {
    const text = fields.text.value.trim().toLowerCase();
    const fitting = items.filter((item) => item.dataset.name.toLowerCase().includes(text) &&
      has(item, "reasons", fields.reason.value) && has(item, "categories", fields.category.value));
    const shown = new Set(fitting.slice(0, most));
    for (const item of items) item.hidden = !shown.has(item);
    count.textContent = fitting.length === items.length ? `${items.length}` : `${fitting.length} of ${items.length}`;
    more.hidden = shown.size === fitting.length;
    more.textContent = `Show all ${fitting.length}`;
  };

  const number = (item, key) => parseFloat(item.dataset[key]);
  const inOrder = (a, b, key, sign) => {
    const [x, y] = [number(a, key), number(b, key)];
    const unknown = Number.isNaN(x) - Number.isNaN(y);  // unknown values last
    return unknown || (Number.isNaN(x) ? 0 : sign * (x - y)) || number(a, "place") - number(b, "place");
  };
  const sort = () => {
    const [key, direction] = fields.order.value.split(" ");
    const compare = key === "name"
      ? (a, b) => a.dataset.name.localeCompare(b.dataset.name)
      : (a, b) => inOrder(a, b, key, direction === "down" ? -1 : 1);
    items.sort(compare).forEach((item) => list.append(item));
    show();
  };

  more.className = "more";
  more.addEventListener("click", () => { most = Infinity; show(); });
  list.after(more);
  for (const field of [fields.text, fields.reason, fields.category]) field.addEventListener("input", show);
  fields.order.addEventListener("input", sort);
  controls.hidden = false;
  show();
}
