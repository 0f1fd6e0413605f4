/** What the page says about the state of a call. */

const LABELS = {
  idle: "Start talking",
  connecting: "Connecting…",
  reconnecting: "Trying again…",
  listening: "Listening",
  thinking: "Thinking…",
  speaking: "Speaking",
};

/** The label of the large button. @param {import("./call.js").CallState} state */
export function label({ phase, progress, canSound, hears, muted, mode, talking }) {
  if (phase === "loading") return progress === null ? "Waking up…" : `Waking up… ${Math.round(100 * progress)}\u00a0%`;
  if (talking) return LABELS.listening;
  if ((phase === "listening" && !hears) || (phase === "idle" && !canSound)) return "Type to me";
  if (phase === "listening" && muted) return "Muted";
  if (phase === "listening" && mode === "push-to-talk") return "Hold to talk";
  return LABELS[phase];
}

/** What to do now. @param {import("./call.js").CallState} state */
export function hint({ phase, canSound, hears, muted, mode, talking, questions }) {
  if (questions.length > 0) return "I wait for your answer.";
  const pushes = mode === "push-to-talk" && hears && !muted;
  switch (phase) {
    case "idle":
      return canSound ? "Press the button, allow the microphone, and speak." : "Here I can only read and write.";
    case "connecting":
      return "If the browser asks for the microphone, allow it.";
    case "loading":
      return "I am loading my ears, mind and voice. This takes a moment after a start.";
    case "reconnecting":
      return "The call goes on as soon as I am back.";
    case "thinking":
      return "One moment.";
    case "speaking":
      if (pushes) return "To interrupt, hold the button or the space bar and speak.";
      return hears && !muted ? "To interrupt, speak or press the button." : "To interrupt, press the button.";
    default:
      if (!canSound) return "Here I can only read and write.";
      if (!hears) return "I have no microphone. Write to me, or press the button to use one.";
      if (muted) return "I can't hear you. Press the button to unmute.";
      if (pushes) return talking ? "Let go when you have finished." : "Hold the button or the space bar while you speak.";
      return "Just speak. I answer when you have finished.";
  }
}

/** What a screen reader says when this text changes. Listening, thinking and speaking share one text: they are heard anyway. */
export function announcement(state) {
  if (["idle", "connecting", "loading", "reconnecting"].includes(state.phase)) {
    return state.phase === "idle" ? "The call is over." : label({ ...state, progress: null });
  }
  return state.muted ? "Muted." : "In a call.";
}
