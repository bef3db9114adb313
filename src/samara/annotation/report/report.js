"use strict";
// Filters and sorts the items of each list; without it all of them are shown, the most doubtful first.
for (const list of document.querySelectorAll("[data-list]")) {
  const controls = document.getElementById(list.dataset.list);
  const items = Array.from(list.children);
  const text = controls.querySelector("[name=text]");
  const reason = controls.querySelector("[name=reason]");
  const category = controls.querySelector("[name=category]");
  const order = controls.querySelector("[name=order]");
  const count = controls.querySelector("output");
  const has = (item, key, wanted) => !wanted || (item.dataset[key] || "").split("\n").includes(wanted);
  const number = (item, key) => parseFloat(item.dataset[key]);
  const inOrder = (a, b, key, sign) => {
    const [x, y] = [number(a, key), number(b, key)];
    const unknown = Number.isNaN(x) - Number.isNaN(y);  // unknown values last
    return unknown || (Number.isNaN(x) ? 0 : sign * (x - y)) || number(a, "place") - number(b, "place");
  };
  const show = () => {
    const wanted = text.value.trim().toLowerCase();
    let shown = 0;
    for (const item of items) {
      const fits = (item.dataset.name || "").toLowerCase().includes(wanted) &&
        has(item, "reasons", reason.value) && has(item, "categories", category.value);
      item.hidden = !fits;
      shown += fits;
    }
    count.textContent = shown === items.length ? `${items.length}` : `${shown} of ${items.length}`;
  };
  const sort = () => {
    const [key, direction] = order.value.split(" ");
    const compare = key === "name"
      ? (a, b) => a.dataset.name.localeCompare(b.dataset.name)
      : (a, b) => inOrder(a, b, key, direction === "down" ? -1 : 1);
    items.sort(compare).forEach((item) => list.append(item));
  };
  for (const field of [text, reason, category]) field.addEventListener("input", show);
  order.addEventListener("input", sort);
  controls.hidden = false;
  show();
}
