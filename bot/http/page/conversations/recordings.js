import { make } from "../dom.js";
import { exactTime } from "../times.js";

/** Makes a player for each recorded voice of a call. @param {object[]} recordings @param {string} path their address. */
export function players(recordings, path) {
  if (recordings.length === 0) return [];
  const figures = recordings.map(({ id, who, bot, at }) => {
    const name = `${bot ? "The answers" : who}, from ${exactTime(at)}`;
    return make(
      "figure",
      {},
      make("figcaption", { textContent: name }),
      make("audio", { controls: true, preload: "none", src: `${path}/${id}`, testid: "recording", "aria-label": name }),
    );
  });
  return [make("h3", { textContent: "Recordings" }), ...figures];
}
