const KINDS = { discord: "Call on Discord", browser: "Call in the browser", phone: "Phone call", chat: "Text chat", api: "A program" };

/** How long a conversation was, in words. Times are in seconds; `ended` is null if it is not over. */
export function duration(started, ended) {
  if (ended === null) return "still on";
  const minutes = Math.round((ended - started) / 60);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The transport and the place of a conversation, in words. */
export function place({ transport, place: name }) {
  const kind = KINDS[transport] ?? transport;
  return transport === "discord" || transport === "chat" ? `${kind}, ${name}` : kind;
}

/** The names of those who spoke, in words: `Ada and Ben`. */
export function people({ people: names }) {
  return names.length === 0 ? "Nobody" : new Intl.ListFormat("en", { type: "conjunction" }).format(names);
}

/**
 * Parts a text at the places where it has one of the words, in upper or lower case.
 *
 * @param {string} text @param {string[]} words
 * @returns {{text: string, found: boolean}[]}
 */
export function parted(text, words) {
  const wanted = words.filter((word) => word !== "").sort((one, other) => other.length - one.length);
  if (wanted.length === 0) return [{ text, found: false }];
  const pattern = new RegExp(`(${wanted.map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|")})`, "giu");
  return text
    .split(pattern)
    .map((part, index) => ({ text: part, found: index % 2 === 1 }))
    .filter((part) => part.text !== "");
}
