/** Making elements; text is always set as text. */

/**
 * @param {string} name
 * @param {Record<string, string | number | boolean | null | ((event: any) => void)>} [facts] attributes; `on…` listens,
 *   `value` and `checked` are properties, null and false leave out
 * @param {...(Node | string | null)} children
 * @returns {HTMLElement}
 */
export function h(name, facts = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, fact] of Object.entries(facts)) {
    if (typeof fact === "function") element.addEventListener(key.slice(2), fact);
    else if (fact !== null && fact !== false) element.setAttribute(key, fact === true ? "" : String(fact));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * An element of the page by its id.
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @returns {E}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no element ${id}.`);
  return /** @type {E} */ (element);
}
