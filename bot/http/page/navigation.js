import { problem } from "./problem.js";

const FIRST = "talk";

/**
 * Shows one view of the page at a time: the one that the address names after `#`. The call goes on in each of them.
 *
 * All views but the first are loaded when they are first shown, from `NAME/view.js`. Its `build(element, parts)` fills the element
 * and returns what to do whenever the view is shown and hidden.
 *
 * @param {HTMLElement} links a link for each view. @param {object} parts what the views need.
 */
export function bindNavigation(links, parts) {
  const names = [...links.children].map(({ hash }) => hash.slice(1));
  const built = new Map();
  let shown = FIRST;

  const show = async (name) => {
    const element = viewOf(name);
    try {
      if (!built.has(name)) built.set(name, build(name, element, parts));
      const view = await built.get(name);
      if (shown === name) view.show();
    } catch (error) {
      built.delete(name);
      console.warn(error);
      const note = new Error("This part of the page could not be loaded. Is Seiyuu still running?");
      element.replaceChildren(problem(note, () => show(name)));
    }
  };

  const go = () => {
    const asked = location.hash.slice(1);
    const name = names.includes(asked) ? asked : FIRST;
    if (name === shown) return;
    const before = built.get(shown);
    viewOf(shown).hidden = true;
    shown = name;
    before?.then((view) => view.hide(), () => {});
    for (const link of links.children) {
      if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const element = viewOf(name);
    element.hidden = false;
    if (name === FIRST) return;
    element.focus();
    void show(name);
  };

  window.addEventListener("hashchange", go);
  go();
}

function viewOf(name) {
  return document.getElementById(`view-${name}`);
}

async function build(name, element, parts) {
  await addStyle(`${name}/style.css`);
  const { build: buildView } = await import(`./${name}/view.js`);
  return buildView(element, parts);
}

function addStyle(href) {
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href, onload: resolve });
    link.onerror = () => {
      link.remove();
      reject(new Error(`${href} could not be loaded`));
    };
    document.head.append(link);
  });
}
