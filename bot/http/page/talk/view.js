import { make } from "../dom.js";
import { loudness } from "./sound/samples.js";
import { QuestionList } from "./questions.js";
import { announcement, hint, label } from "./wording.js";

const METER_MS = 250;
/** The log scrolls to new lines if it is less than this many pixels from its end. */
const NEAR = 60;

/** The elements of the page, by their ids. */
export function elements() {
  return new Proxy({}, { get: (_, id) => document.getElementById(id) });
}

/** Shows a call on the page. */
export class View {
  /** @param {(question: string, allow: boolean) => void} answer called with the person's answer to a question of the bot. */
  constructor(page, answer) {
    this._page = page;
    const announce = (text) => (page.status.textContent = text);
    this._questions = new QuestionList(page.questions, answer, () => page.talk.focus(), announce);
    this._lines = new Map();
    this._reply = "";
    this._meterAt = 0;
    this._announced = "The call is over.";
    this._shownPersona = null;
  }

  /** @param {import("./call.js").CallState} state */
  state(state) {
    const page = this._page;
    const { phase, muted, canSound, hears, talking, mode } = state;
    const isOn = phase !== "idle";
    Object.assign(document.body.dataset, { phase, mode, muted, talking, hears, sound: canSound });
    document.body.style.setProperty("--progress", state.progress ?? 0.1);
    page["talk-label"].textContent = label(state);
    page.hint.textContent = hint(state);
    setIcon(page["talk-icon"], this._icon(state));
    page.mute.setAttribute("aria-pressed", muted);
    setIcon(page["mute-icon"], muted ? "mic-off" : "mic");
    page.hangup.hidden = !isOn;
    this._persona(state.persona);
    this._questions.show(state.questions);
    // What a screen reader says would be heard by an open microphone, and answered.
    page.captions.setAttribute("aria-live", isOn && hears && !muted && mode === "open" ? "off" : "polite");
    const said = announcement(state);
    if (said !== this._announced) page.status.textContent = said;
    this._announced = said;
    this._warn(state.warning);
  }

  _persona(shown) {
    const { persona: select, "persona-field": field, reply } = this._page;
    field.hidden = (shown?.choices.length ?? 0) < 2;
    if (shown === null || shown === this._shownPersona) return;
    this._shownPersona = shown;
    select.replaceChildren(...shown.choices.map(({ persona, name }) => new Option(name, persona)));
    select.value = shown.persona;
    reply.setAttribute("aria-label", `What ${shown.name} says`);
  }

  /** How loud Seiyuu is, from 0 to 100. */
  volume(percent) {
    const { volume, "volume-icon": icon } = this._page;
    volume.value = percent;
    volume.setAttribute("aria-valuetext", `${percent} %`);
    setIcon(icon, percent === 0 ? "volume-off" : "volume");
  }

  _icon({ phase, muted, canSound, hears }) {
    if (phase === "speaking") return "waves";
    if ((phase === "listening" && !hears) || !canSound) return "keyboard";
    return muted && phase === "listening" ? "mic-off" : "mic";
  }

  _warn(warning) {
    const page = this._page;
    if (warning === null) {
      page.warning.hidden = true;
      page["warning-title"].textContent = page["warning-text"].textContent = "";
      return;
    }
    page.warning.hidden = false;
    page.warning.dataset.id = warning.id;
    // Text that stays the same is not announced again.
    setText(page["warning-title"], warning.title);
    setText(page["warning-text"], warning.text);
    page["warning-action"].hidden = warning.action === undefined;
    page["warning-action"].textContent = warning.action?.label ?? "";
    page.dismiss.hidden = warning.login === true || warning.id === "lost";
    const asked = page.login.hidden && warning.login === true;
    page.login.hidden = warning.login !== true;
    if (asked) page.token.focus();
  }

  /** @param {import("./conversation.js").Conversation} conversation @param {string} name the person's own name. */
  words(conversation, name) {
    this._showReply(conversation.reply.trim(), conversation.isReplying);
    const log = this._page.captions;
    const follows = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
    const shown = conversation.lines.filter(({ kind, interim }) => kind !== "reply" || !interim);
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, { element }] of this._lines) {
      if (ids.has(id)) continue;
      element.remove();
      this._lines.delete(id);
    }
    let before = null;
    for (const line of shown) {
      const element = this._line(line, name);
      element.classList.toggle("waits", conversation.waiting.has(line.id));
      const place = before === null ? log.firstChild : before.nextSibling;
      if (element !== place) log.insertBefore(element, place);
      before = element;
    }
    if (follows) log.scrollTop = log.scrollHeight;
  }

  /** How loud the microphone is. */
  heard(level) {
    const shown = loudness(level);
    const { level: meter } = this._page;
    meter.style.setProperty("--level", shown.toFixed(3));
    if (["listening", "thinking"].includes(document.body.dataset.phase)) this._glow(shown);
    const now = performance.now();
    if (now - this._meterAt < METER_MS && shown > 0) return;
    this._meterAt = now;
    meter.setAttribute("aria-valuenow", Math.round(100 * shown));
  }

  /** How loud Seiyuu is. */
  spoken(level) {
    if (document.body.dataset.phase === "speaking") this._glow(loudness(level));
  }

  _glow(level) {
    this._page.talk.style.setProperty("--glow", level.toFixed(3));
  }

  _showReply(text, isReplying) {
    const { reply } = this._page;
    reply.classList.toggle("past", !isReplying);
    if (text === this._reply) return;
    if (this._reply.startsWith(text)) {
      // Fewer words than were shown have been heard. What stays does not appear anew.
      reply.textContent = this._reply = text;
      return;
    }
    const begun = text.startsWith(this._reply) ? this._reply : "";
    if (begun === "") reply.textContent = "";
    reply.append(make("span", { textContent: text.slice(begun.length) }));
    reply.scrollTop = reply.scrollHeight;
    this._reply = text;
  }

  _line(line, name) {
    const old = this._lines.get(line.id);
    if (old?.line === line) return old.element;
    // Final words are a new element, so that they are announced; interim words are not.
    const isKept = old !== undefined && old.line.interim === line.interim;
    const element = isKept ? old.element : document.createElement("p");
    if (!isKept) old?.element.remove();
    element.className = ["line", line.kind === "reply" ? "answer" : line.kind, ...(line.interim ? ["interim"] : []), ...(line.cut ? ["cut"] : []), ...(line.text.includes("\n") ? ["long"] : [])].join(" ");
    if (line.interim || line.earlier) element.setAttribute("aria-live", "off");
    const parts = [make("span", { className: "said", dir: "auto", textContent: line.text })];
    if (line.who !== "") parts.unshift(make("span", { className: "speaker", textContent: `${line.who === name ? "You" : line.who}: ` }));
    if (line.cut) parts.push(make("span", { className: "note", textContent: " (interrupted)" }));
    element.replaceChildren(...parts);
    this._lines.set(line.id, { line, element });
    return element;
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setIcon(use, name) {
  const href = `#icon-${name}`;
  if (use.getAttribute("href") !== href) use.setAttribute("href", href);
}
