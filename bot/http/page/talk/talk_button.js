const INTERACTIVE = "a, button, input, select, textarea, [contenteditable]";

/**
 * The large button and the keys that do the same.
 *
 * With push-to-talk, people hold it or the space bar while they speak, or press it before and after. Escape interrupts.
 *
 * @param {HTMLButtonElement} button @param {import("./call.js").Call} call
 * @param {() => void} write puts the cursor into the text field.
 */
export function bindTalkButton(button, call, write) {
  const isHeld = () => call.state.mode === "push-to-talk" && call.isReady && call.state.hears && !call.state.muted;
  let spaceDown = false;
  let pointerDown = false;

  const release = () => {
    spaceDown = pointerDown = false;
    call.talking = false;
  };

  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !isHeld()) return;
    button.setPointerCapture(event.pointerId);
    pointerDown = true;
    call.talking = true;
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    button.addEventListener(name, () => pointerDown && release());
  }
  button.addEventListener("contextmenu", (event) => event.preventDefault());

  button.addEventListener("click", (event) => {
    if (!isHeld()) press(call, write);
    // A click without a pointer.
    else if (event.detail === 0) call.talking = !call.state.talking;
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") call.interrupt();
    if (event.code !== "Space" || !isHeld() || !isFree(event.target, button)) return;
    event.preventDefault();
    if (event.repeat) return;
    spaceDown = true;
    call.talking = true;
  });
  document.addEventListener("keyup", (event) => {
    if (event.code !== "Space" || !spaceDown) return;
    event.preventDefault();
    release();
  });
  // If the person goes to another window while the button is held, this page never sees its release.
  window.addEventListener("blur", () => (spaceDown || pointerDown) && release());
}

function press(call, write) {
  const { phase, canSound, hears, muted } = call.state;
  if (phase === "idle") void call.start();
  else if (phase === "thinking" || phase === "speaking") call.interrupt();
  if (!canSound) write();
  else if (phase === "listening" && !hears) void call.useMicrophone();
  else if (phase === "listening" && muted) call.muted = false;
}

/** Whether the space bar may press the button: it does nothing else in this element. */
function isFree(target, button) {
  return target === button || !(target instanceof Element) || target.closest(INTERACTIVE) === null;
}
