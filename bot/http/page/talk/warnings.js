import { CLOSED } from "./connection.js";

/**
 * @typedef {object} Warning
 * @property {string} id
 * @property {string} title
 * @property {string} text what to do about it.
 * @property {{label: string, does: "start" | "retry" | "sound"}} [action] a button.
 * @property {boolean} [login] shows the form for the token.
 */

const AGAIN = { label: "Try again", does: "start" };
const TYPE = "Until then, you can type.";
const PORT = globalThis.location?.port || "8770";

/** Everything that can go wrong with the browser, or with the page's connection to the bot. @type {Record<string, Omit<Warning, "id">>} */
const KNOWN = {
  "insecure": {
    title: "The microphone needs a secure page",
    text:
      "Browsers allow microphone and sound only on https pages, or on the computer that Seiyuu runs on. Open this page there, at " +
      `http://127.0.0.1:${PORT}, or set up https: the operator guide shows two ways. ${TYPE}`,
  },
  "old-browser": {
    title: "This browser is too old",
    text: `It has no audio worklets, which carry the sound. Use a current Firefox, Chrome, Edge or Safari. ${TYPE}`,
  },
  "no-microphone": {
    title: "No microphone was found",
    text: `Plug one in or switch it on, then try again. ${TYPE}`,
    action: AGAIN,
  },
  "not-allowed": {
    title: "The microphone is not allowed",
    text: `Click the icon beside the address of this page and allow the microphone. Then try again. ${TYPE}`,
    action: AGAIN,
  },
  "microphone-busy": {
    title: "The microphone could not be opened",
    text: `Another program may be using it. Close that, or choose another microphone, and try again. ${TYPE}`,
    action: AGAIN,
  },
  "microphone-lost": {
    title: "The microphone is gone",
    text: "It was unplugged or switched off. Plug it in again, or choose another one below.",
    action: { label: "Use the microphone again", does: "retry" },
  },
  "sound-blocked": {
    title: "The browser holds the sound back",
    text: "It plays sound only after a click. If that does not help, connect a loudspeaker or headphones: some browsers wait for one.",
    action: { label: "Turn the sound on", does: "sound" },
  },
  "sound-failed": {
    title: "The sound could not be started",
    text: `Reload the page. If that does not help, check that the computer has a loudspeaker or headphones. ${TYPE}`,
    action: AGAIN,
  },
  "gone": {
    title: "Seiyuu does not answer",
    text: "Is it still running? On the computer that it runs on, start it with “make run”. Then try again.",
    action: AGAIN,
  },
  "switched-off": {
    title: "Seiyuu was switched off",
    text: "On the computer that it runs on, start it again with “make run”. Then try again.",
    action: AGAIN,
  },
  "token": {
    title: "This Seiyuu asks for a token",
    text: "It is the value of WEB_TOKEN in the settings of Seiyuu. Whoever runs it can tell you.",
    login: true,
  },
  "taken-over": {
    title: "The call went on in another tab",
    text: "The call is in only one tab at a time. The other tab is yours, or somebody else's. You can bring the call back here.",
    action: { label: "Continue here", does: "start" },
  },
  "elsewhere": {
    title: "I am in another call",
    text: "Wait until that call is over, or end it: on Discord, with !leave. Then try again.",
    action: AGAIN,
  },
  "too-fast": {
    title: "The sound came too fast",
    text: "That happens when the computer was asleep, or is very busy. Start again.",
    action: { label: "Start again", does: "start" },
  },
  "too-big": { title: "That was too much at once", text: "Send a shorter text.", action: AGAIN },
  "busy": { title: "Seiyuu is busy", text: "Too many pages are connected. Close some, and try again.", action: AGAIN },
};

/** @returns {Warning} */
export function warning(id, text = KNOWN[id].text) {
  return { id, ...KNOWN[id], text };
}

/** The warning for a microphone that could not be opened. @param {{name?: string}} error of getUserMedia. */
export function microphoneWarning(error) {
  if (["NotFoundError", "OverconstrainedError"].includes(error?.name)) return warning("no-microphone");
  if (["NotAllowedError", "SecurityError"].includes(error?.name)) return warning("not-allowed");
  return warning("microphone-busy");
}

/** The warning while the page tries to reconnect. `had`: whether there was a connection before. @returns {Warning} */
export function lostWarning(waitMs, had) {
  const seconds = Math.ceil(waitMs / 1000);
  const soon = `Trying again ${seconds <= 1 ? "in a moment" : `in ${seconds} seconds`}.`;
  if (!had) return { id: "lost", title: "Seiyuu does not answer", text: `Is it running? ${soon}` };
  return { id: "lost", title: "The connection is lost", text: `${soon} If that works within half a minute, the call goes on.` };
}

/**
 * The warning for a socket that was closed for good, or null if the call simply ended.
 *
 * @param {number} code of the close, or 0 if the server was not reached.
 * @param {{code: string, message: string} | null} error the server's last words.
 */
export function closeWarning(code, error) {
  switch (code) {
    case 1000:
      return null;
    case CLOSED.switchedOff:
      return warning("switched-off");
    case CLOSED.refused:
      if (error === null || error.code.includes("token")) return warning("token");
      return { id: "refused", title: "This page may not connect", text: error.message, action: AGAIN };
    case CLOSED.tooBig:
      return warning("too-big");
    case CLOSED.busy:
      return warning("busy", error?.message);
    case CLOSED.takenOver:
      return warning("taken-over");
    case CLOSED.elsewhere:
      return ["busy", "call_elsewhere"].includes(error?.code) ? { ...errorWarning(error), action: AGAIN } : warning("elsewhere");
    case CLOSED.tooFast:
      return warning("too-fast");
    default:
      return warning("gone");
  }
}

const TITLES = {
  bad_message: "This page is out of date",
  unknown_type: "This page is out of date",
  bad_parameter: "This page is out of date",
  empty_text: "There is nothing to answer",
  too_long: "That text is too long",
  slow_down: "That was too fast",
  persona_unchanged: "I stay who I am",
  no_question: "That was too late",
  not_answered: "You are ignored",
  not_asked: "Somebody else was asked",
  busy: "One conversation at a time",
  call_elsewhere: KNOWN.elsewhere.title,
  call_failed: "The call could not go on",
};

/** The warning for an error that the server tells. @returns {Warning} */
export function errorWarning({ code, message: told }) {
  const message = told.replace(/^\p{Extended_Pictographic}\uFE0F?\s*/u, "");
  const title = Object.hasOwn(TITLES, code) ? TITLES[code] : "Seiyuu has a problem";
  return { id: "error", title, text: title.endsWith("out of date") ? `Reload it. (${message})` : message };
}
