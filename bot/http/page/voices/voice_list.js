import { request } from "../api.js";
import { ask } from "../ask.js";
import { button, make } from "../dom.js";
import { languageName } from "./sentences.js";

const SHOWN = 30;

/** The list of the voices. People hear and choose them, and delete those that people made. `studio` is the `Studio` of `view.js`. */
export class VoiceList {
  constructor(studio) {
    this._studio = studio;
    this._all = false;
    this._rows = new Map();
    this._search = make("input", { type: "search", id: "voice-search", testid: "voice-search", placeholder: "Name or language" });
    this._search.addEventListener("input", () => this.show());
    this._list = make("ul", { className: "list", testid: "voices" });
    this._more = make("button", { type: "button", className: "outlined", testid: "all-voices" });
    this._more.addEventListener("click", () => {
      this._all = true;
      this.show();
    });
    this._note = make("p", { className: "quiet" });
    this._error = make("p", { className: "error", role: "alert", testid: "voices-problem" });
    this.element = make(
      "section",
      { className: "card", "aria-labelledby": "voices-title" },
      make(
        "div",
        { className: "row" },
        make("h3", { id: "voices-title", textContent: "All voices" }),
        make("label", { className: "visually-hidden", htmlFor: "voice-search", textContent: "Search voices" }),
        this._search,
      ),
      this._error,
      this._list,
      this._note,
      this._more,
    );
  }

  show() {
    const { data } = this._studio;
    const words = this._search.value.toLowerCase().split(/\s+/u);
    const fitting = data.voices.filter((voice) => words.every((word) => about(voice).includes(word)));
    const shown = this._all ? fitting : fitting.slice(0, SHOWN);
    const rows = new Map(shown.map((voice) => [voice.id, this._known(voice) ?? this._row(voice)]));
    // A row that stays keeps the focus, and goes on playing.
    for (const [id, { element }] of this._rows) if (rows.get(id)?.element !== element) element.remove();
    this._rows = rows;
    let before = null;
    for (const { element, use } of rows.values()) {
      const next = before === null ? this._list.firstChild : before.nextSibling;
      if (element !== next) this._list.insertBefore(element, next);
      before = element;
      this._mark(use);
    }
    this._more.hidden = shown.length === fitting.length;
    this._more.textContent = `Show all ${fitting.length}`;
    this._note.hidden = fitting.length > 0;
    this._note.textContent =
      data.voices.length === 0
        ? "There is no voice yet. Record one below."
        : "No voice has these words in its name or language. Try fewer letters.";
  }

  _known(voice) {
    const row = this._rows.get(voice.id);
    return row?.key === JSON.stringify(voice) ? row : undefined;
  }

  _mark(use) {
    const { place, data } = this._studio;
    const isUsed = data.places.find(({ id }) => id === place).speaks_as === use.dataset.voice;
    use.textContent = isUsed ? "In use" : "Use";
    use.setAttribute("aria-label", `${use.textContent}${isUsed ? ":" : ""} ${use.dataset.name}`);
    use.setAttribute("aria-pressed", isUsed);
  }

  _row(voice) {
    const label = (verb) => `${verb} ${voice.name}`;
    const action = (text, verb, testid, act) => {
      const made = button(text, () => this._act(() => act(made)), { testid, "aria-label": label(verb) });
      return made;
    };
    const use = action("Use", "Use", "use", () => this._studio.choose(voice.id));
    [use.dataset.voice, use.dataset.name] = [voice.id, voice.name];
    const buttons = voice.speaks
      ? [action("Listen", "Listen to", "preview", (made) => this._studio.listen({ voice: voice.id }, made)), use]
      : [];
    if (voice.made_here) {
      const remove = action("Delete", "Delete", "delete", () => this._delete(voice));
      remove.classList.add("danger");
      buttons.push(remove);
    }
    const element = make(
      "li",
      { testid: `voice-${voice.id}` },
      make(
        "div",
        { className: "voice" },
        make("strong", { textContent: voice.name, dir: "auto" }),
        make("span", { className: "quiet", textContent: details(voice) }),
      ),
      make("div", { className: "buttons" }, ...buttons),
    );
    return { key: JSON.stringify(voice), element, use };
  }

  async _act(act) {
    this._error.textContent = "";
    try {
      await act();
    } catch (error) {
      this._error.textContent = error.message;
    }
  }

  async _delete({ id, name }) {
    const answers = { yes: "Delete it", no: "Keep it", dangerous: true };
    if (!(await ask(`Delete ${name} and its recordings for good?`, answers))) return;
    await request(`api/voice-profile/${encodeURIComponent(id)}`, { method: "DELETE" });
    this._studio.tell(`${name} is gone, and its recordings too.`);
    await this._studio.reload();
    this._search.focus();
  }
}

function about({ id, name, language }) {
  return `${id} ${name} ${language} ${languageName(language)}`.toLowerCase();
}

function details({ language, engine, made_here: isMade, speaks, similarity, recordings }) {
  const parts = [languageName(language)];
  if (isMade) parts.push("made here");
  if (recordings > 1) parts.push(`${recordings} recordings`);
  if (similarity !== null) parts.push(`similarity ${percent(similarity)}`);
  parts.push(speaks ? engine : `stored, but ${engine} can't speak with it`);
  return parts.join(" · ");
}

/** How similar a voice is to its recordings. */
export function percent(similarity) {
  return `${Math.round(100 * Math.max(similarity, 0))} %`;
}
