/**
 * The steps of a turn, in the order in which they usually end. A step begins when the stage in `from` is reached (with the turn
 * if `from` is empty), and ends when the stage `name` is reached. With `spoken: true`, only spoken turns have the step; with
 * `spoken: false`, only typed ones.
 */
const STEPS = [
  { name: "microphone", label: "Pause noticed", from: [], spoken: true },
  { name: "words", label: "Transcript", from: ["microphone"], spoken: true },
  { name: "end_of_turn", label: "End of turn", from: [], spoken: true },
  { name: "begun", label: "Reply begun", from: [], spoken: false },
  { name: "first_token", label: "First token", from: ["begun"] },
  { name: "first_clause", label: "First clause", from: ["first_token"] },
  { name: "first_sound", label: "First sound", from: ["first_clause"] },
  { name: "first_packet", label: "First packet", from: ["first_sound"] },
  { name: "last_packet", label: "Spoken", from: ["first_packet"] },
];

/** What a reply can wait for, in order, with the words for people. */
export const WAITS = {
  end_of_turn: "end of turn",
  words: "transcript",
  begun: "its turn",
  first_token: "first token",
  first_clause: "first clause",
  first_sound: "first sound",
  first_packet: "first packet",
};

/**
 * The steps of a turn as bars.
 *
 * @param {Record<string, number>} stages milliseconds from the beginning of the turn to each stage.
 * @param {{spoken: boolean, elapsed?: number}} turn `elapsed` is the time now, in milliseconds, if the turn is going on.
 * @returns {{name: string, label: string, from: number, to: number | null, state: "done" | "running" | "waiting"}[]}
 */
export function steps(stages, { spoken, elapsed }) {
  return STEPS.filter((step) => step.spoken === undefined || step.spoken === spoken).map(({ name, label, from }) => {
    const begun = from.length === 0 ? 0 : stages[from[0]];
    const done = stages[name];
    if (done !== undefined) return { name, label, from: Math.min(begun ?? done, done), to: done, state: "done" };
    if (elapsed !== undefined && begun !== undefined) return { name, label, from: begun, to: elapsed, state: "running" };
    return { name, label, from: begun ?? 0, to: null, state: "waiting" };
  });
}

/** How many milliseconds the whole width stands for: the time to the first sound that people hear, and a little of the speech. */
export function scale(stages, elapsed = 0) {
  const heard = stages.first_packet;
  const until = heard ?? Math.max(elapsed, ...Object.values(stages));
  return Math.max(100, until * (heard === undefined ? 1.05 : 1.2));
}

/** Milliseconds for people: `605 ms`, `2.6 s`. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}
