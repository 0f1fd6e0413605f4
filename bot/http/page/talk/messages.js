/** The messages of /ws/chat. What the server sends is checked here; a message that isn't understood is ignored. */

export const UP_RATE = 16000;
export const DOWN_RATES = [24000, 48000];
export const STATES = ["idle", "connecting", "loading", "listening", "thinking", "speaking"];
const END_REASONS = ["done", "interrupted", "failed"];
/** The longest text that the page sends, in characters. */
export const LONGEST_TEXT = 2000;

/**
 * Reads a text message. Returns an object with only the fields that are known, or null.
 *
 * @param {string} text
 */
export function parseMessage(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return null;
  }
  const read = message !== null && typeof message === "object" && Object.hasOwn(READERS, message.type) ? READERS[message.type] : null;
  return read === null ? null : read(message);
}

const READERS = {
  ready: ({ session, down, call }) =>
    isText(session) ? { type: "ready", session, down: DOWN_RATES.includes(down) ? down : DOWN_RATES[0], call: isText(call) ? call : null } : null,
  state: ({ state, progress }) => (STATES.includes(state) ? { type: "state", state, progress: fraction(progress) } : null),
  transcription: ({ text, final, person }) =>
    isText(text) ? { type: "transcription", text, final: final === true, person: isText(person) ? person : "" } : null,
  llm_token: ({ token, reply }) => (isText(token) && isId(reply) ? { type: "llm_token", token, reply } : null),
  audio_response: ({ reply, text }) =>
    isId(reply) ? { type: "audio_response", reply, text: isText(text) ? text : "" } : null,
  background: ({ on }) => ({ type: "background", on: on === true }),
  audio_end: ({ reply, reason, heard }) => {
    if (!isId(reply)) return null;
    return { type: "audio_end", reply, reason: END_REASONS.includes(reason) ? reason : "done", heard: isText(heard) ? heard : null };
  },
  persona: ({ persona, name, choices }) => {
    if (!isText(persona) || !isText(name) || !Array.isArray(choices)) return null;
    const known = choices.filter((choice) => isText(choice?.persona) && isText(choice?.name));
    return { type: "persona", persona, name, choices: known.map((choice) => ({ persona: choice.persona, name: choice.name })) };
  },
  question: ({ question, text }) => (isText(question) && isText(text) ? { type: "question", question, text } : null),
  question_over: ({ question }) => (isText(question) ? { type: "question_over", question } : null),
  waiting: ({ texts }) => (Array.isArray(texts) ? { type: "waiting", texts } : null),
  notice: ({ text }) => (isText(text) && text.trim() !== "" ? { type: "notice", text } : null),
  error: ({ code, message }) => ({
    type: "error",
    code: isText(code) ? code : "",
    message: isText(message) && message.trim() !== "" ? message : "Something went wrong.",
  }),
};

function isText(value) {
  return typeof value === "string";
}

function isId(value) {
  return isText(value) || Number.isFinite(value);
}

/** A fraction from 0 to 1 out of a fraction or a percentage, or null. */
function fraction(value) {
  if (typeof value !== "number" || !(value >= 0)) return null;
  return Math.min(1, value > 1 ? value / 100 : value);
}

/** The first message. Without `down`, the server sends no sound. */
export function hello({ name, microphone, session, down }) {
  const message = { type: "hello", name, microphone, questions: true };
  if (down !== null) message.audio = { up: UP_RATE, down };
  if (session !== null) message.session = session;
  return message;
}

/** The name that the server knows somebody by, as people read it: `web:Ada` is Ada. */
export function shownName(person) {
  return person.replace(/^web:/, "");
}
