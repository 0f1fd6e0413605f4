/**
 * Makes an element of the page.
 *
 * @param {string} tag @param {Record<string, unknown>} properties properties of the element, such as `textContent`; `role`
 *   and names with a hyphen are attributes; `on` has listeners by the name of their event; tests find it by `testid`.
 * @param {...(Node | string)} children
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "testid") element.dataset.testid = value;
    else if (name === "role" || name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Makes an outlined button. @param {() => void} click @param {Record<string, unknown>} more further properties, as in `make`. */
export function button(textContent, click, more = {}) {
  return make("button", { type: "button", className: "outlined", textContent, on: { click }, ...more });
}

/** The text in pieces. A part between two backticks becomes a `code` element; a text with an odd backtick stays whole. */
export function withCode(text) {
  const parts = text.split("`");
  if (parts.length % 2 === 0) return [text];
  return parts.map((part, number) => (number % 2 === 1 ? make("code", { textContent: part }) : part));
}
