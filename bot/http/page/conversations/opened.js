import { request, requestJson } from "../api.js";
import { ask } from "../ask.js";
import { button, make } from "../dom.js";
import { problem } from "../problem.js";
import { when } from "../times.js";
import { players } from "./recordings.js";
import { turnLine } from "./turn.js";
import { duration, people, place } from "./wording.js";

const PAGE = 200;
const BEFORE_HIT = 20;

/** A conversation: who said what, and what can be done with it. */
export class OpenedConversation {
  #listed;
  #words;
  #close;
  #first = 0;
  #last = 0;
  #note = make("div", { className: "note", "aria-live": "polite" });
  #recordings = make("section", { className: "recordings", "aria-label": "Recordings", hidden: true });
  #turns = make("ol", { className: "turns", testid: "turns" });
  #earlier = pageButton("Show earlier turns", () => this.#more("before"));
  #later = pageButton("Show later turns", () => this.#more("after"));
  #title = make("h2", { tabIndex: -1 });

  /**
   * @param {object} listed the conversation as it is in the list. @param {string[]} words what was searched for.
   * @param {(deleted: boolean) => void} close goes back to the list.
   */
  constructor(listed, words, close) {
    this.#listed = listed;
    this.#words = words;
    this.#close = close;
    this.#title.textContent = people(listed);
    this.element = make(
      "article",
      { className: "opened", testid: "opened-conversation" },
      button("All conversations", () => close(false), { testid: "back" }),
      make(
        "header",
        {},
        this.#title,
        make("p", { className: "quiet", textContent: `${when(listed.started)} · ${duration(listed.started, listed.ended)} · ${place(listed)}` }),
      ),
      make(
        "div",
        { className: "actions" },
        this.#download("Markdown", "markdown", "md"),
        this.#download("JSON", "json", "json"),
        button("Delete…", () => this.#delete(), { className: "outlined danger", testid: "delete" }),
      ),
      this.#recordings,
      this.#note,
      this.#earlier,
      this.#turns,
      this.#later,
    );
  }

  get id() {
    return this.#listed.id;
  }

  get #path() {
    return `api/conversations/${this.id}`;
  }

  /** Loads the first turns, or those around the one that the search has found. */
  async open() {
    this.#title.focus();
    await this.#load();
    void this.#loadRecordings();
  }

  /** Adds the turns that came since the last request, if that request reached the end of the conversation. */
  async refresh() {
    if (this.#later.hidden) await this.#more("after");
  }

  hide() {
    for (const player of this.#recordings.querySelectorAll("audio")) player.pause();
  }

  async #load() {
    this.#note.replaceChildren(make("p", { className: "quiet", textContent: "Loading…" }));
    const hit = this.#listed.hit?.number;
    const after = hit === undefined ? 0 : Math.max(0, hit - 1 - BEFORE_HIT);
    try {
      await this.#add("after", after);
      this.#note.replaceChildren();
      const found = this.#turns.querySelector(`[data-number="${hit}"]`);
      found?.classList.add("found");
      found?.scrollIntoView({ block: "center" });
    } catch (error) {
      this.#note.replaceChildren(problem(error, () => this.#load()));
    }
  }

  /** Loads the turns before or after those that are shown. */
  async #more(side) {
    try {
      await this.#add(side, side === "before" ? this.#first : this.#last);
      this.#note.replaceChildren();
    } catch (error) {
      this.#note.replaceChildren(problem(error, () => this.#more(side)));
    }
  }

  async #add(side, number) {
    const query = new URLSearchParams({ limit: PAGE, ...(number > 0 ? { [side]: number } : {}) });
    const { turns, earlier, later } = await requestJson(`${this.#path}?${query}`);
    const fresh = turns.filter((turn) => !this.#turns.querySelector(`[data-number="${turn.number}"]`));
    const lines = fresh.map((turn) => turnLine(turn, this.#words, (text, learn) => this.#correct(turn, text, learn)));
    if (side === "before") this.#turns.prepend(...lines);
    else this.#turns.append(...lines);
    const shown = this.#turns.children;
    if (shown.length > 0) [this.#first, this.#last] = [shown[0], shown[shown.length - 1]].map((line) => Number(line.dataset.number));
    if (side === "before" || shown.length === lines.length) this.#earlier.hidden = !earlier;
    if (side === "after") this.#later.hidden = !later;
  }

  #correct(turn, text, learn) {
    return requestJson(`${this.#path}/turns/${turn.number}`, { method: "PATCH", json: { text, learn } });
  }

  async #loadRecordings() {
    try {
      const { recordings } = await requestJson(`${this.#path}/recordings`);
      this.#recordings.hidden = recordings.length === 0;
      this.#recordings.replaceChildren(...players(recordings, `${this.#path}/recordings`));
    } catch (error) {
      this.#recordings.hidden = false;
      this.#recordings.replaceChildren(problem(error, () => this.#loadRecordings()));
    }
  }

  #download(name, format, ending) {
    return make("a", {
      className: "outlined", href: `${this.#path}?format=${format}`, download: `conversation-${this.id}.${ending}`,
      testid: `export-${format}`, textContent: `Save as ${name}`,
    });
  }

  async #delete() {
    const kept = this.#recordings.hidden ? "" : " Its recordings stay in the folder recordings.";
    const question = `Delete this conversation for good? Its words are erased; only a backup that you made before still has them.${kept}`;
    if (await ask(question, { yes: "Delete", no: "Keep it", dangerous: true })) await this.#deleteNow();
  }

  async #deleteNow() {
    try {
      await request(this.#path, { method: "DELETE" });
      this.#close(true);
    } catch (error) {
      if (error.code === "no_conversation") this.#close(true);
      else this.#note.replaceChildren(problem(error, () => this.#deleteNow()));
    }
  }
}

function pageButton(textContent, click) {
  return button(textContent, click, { className: "outlined more-turns", hidden: true });
}
