import { requestJson } from "../api.js";
import { button, make } from "../dom.js";
import { problem } from "../problem.js";
import { entry } from "./list.js";
import { OpenedConversation } from "./opened.js";

const PAGE = 30;
const TYPING_MS = 250;

/** Builds the view with the list of conversations, the search, and the conversation that is open. */
export function build(element) {
  const view = new ConversationsView();
  element.replaceChildren(view.overview, view.opened);
  return { show: () => view.show(), hide: () => view.hide() };
}

class ConversationsView {
  #list = make("ul", { className: "entries", testid: "conversations" });
  #note = make("div", { className: "note", "aria-live": "polite" });
  #search = make("input", {
    type: "search", id: "conversation-search", testid: "conversation-search", maxLength: 200, autocomplete: "off",
    placeholder: "Search in what was said", on: { input: () => this.#typed() },
  });
  #older = button("Show older conversations", () => this.#load(this.#oldest), { hidden: true });
  #oldest;
  #asked = new AbortController();
  #timer;
  #conversation;

  constructor() {
    this.opened = make("div", { hidden: true });
    this.overview = make(
      "div",
      {},
      make("h2", { textContent: "Conversations" }),
      make("p", {
        className: "quiet about",
        textContent: "Whoever has the token of this page sees the conversations of all servers here, and may correct and delete them.",
      }),
      make(
        "form",
        { className: "search", role: "search", on: { submit: (event) => this.#submitted(event) } },
        make("label", { className: "visually-hidden", htmlFor: "conversation-search", textContent: "Search in what was said" }),
        this.#search,
      ),
      this.#note,
      this.#list,
      this.#older,
    );
  }

  show() {
    if (this.#conversation === undefined) void this.#load();
    else void this.#conversation.refresh();
  }

  hide() {
    clearTimeout(this.#timer);
    this.#asked.abort();
    this.#conversation?.hide();
  }

  #submitted(event) {
    event.preventDefault();
    clearTimeout(this.#timer);
    void this.#load();
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#load(), TYPING_MS);
  }

  /** Loads the newest conversations, or those that are older than the one with the id `before`. */
  async #load(before) {
    this.#asked.abort();
    const { signal } = (this.#asked = new AbortController());
    const words = this.#search.value.trim();
    const query = new URLSearchParams({ limit: PAGE, ...(words === "" ? {} : { q: words }), ...(before ? { before } : {}) });
    this.#list.setAttribute("aria-busy", "true");
    if (this.#list.children.length === 0) this.#note.replaceChildren(quiet("Loading…"));
    try {
      const { conversations } = await requestJson(`api/conversations?${query}`, { signal });
      if (before === undefined) this.#list.replaceChildren();
      this.#list.append(...conversations.map((each) => entry(each, words.split(/\s+/), () => this.#open(each, words))));
      this.#oldest = conversations.at(-1)?.id;
      this.#older.hidden = conversations.length < PAGE;
      this.#note.replaceChildren(...this.#remarks(words));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#note.replaceChildren(problem(error, () => this.#load(before)));
    } finally {
      if (!signal.aborted) this.#list.removeAttribute("aria-busy");
    }
  }

  #remarks(words) {
    if (this.#list.children.length > 0) return [];
    if (words !== "") return [quiet("Nobody has said that. Parts of words are found too, in upper or lower case.")];
    return [
      quiet(
        "No conversation is kept yet. After you have talked with Seiyuu, what was said is here, for as many days as " +
          "KEEP_CONVERSATIONS says. Nothing is kept of people who opted out.",
      ),
    ];
  }

  #open(listed, words) {
    this.#conversation = new OpenedConversation(listed, words.split(/\s+/).filter(Boolean), (deleted) => this.#close(deleted));
    this.opened.replaceChildren(this.#conversation.element);
    this.overview.hidden = true;
    this.opened.hidden = false;
    void this.#conversation.open();
  }

  async #close(deleted) {
    const { id } = this.#conversation;
    this.#conversation.hide();
    this.#conversation = undefined;
    this.opened.hidden = true;
    this.opened.replaceChildren();
    this.overview.hidden = false;
    if (deleted) await this.#load();
    (this.#list.querySelector(`[data-conversation="${id}"]`) ?? this.#search).focus();
  }
}

function quiet(textContent) {
  return make("p", { className: "quiet", textContent });
}
