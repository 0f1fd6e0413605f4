import { signIn } from "./login.js";
import { bindNavigation } from "./navigation.js";
import { Settings } from "./settings.js";
import { Call } from "./talk/call.js";
import { microphones } from "./talk/microphone.js";
import { bindTalkButton } from "./talk/talk_button.js";
import { elements, View } from "./talk/view.js";

const VOLUME_SECONDS = 0.02;

const page = elements();
const settings = new Settings();
const view = new View(page, (question, allow) => call.answer(question, allow));
const { context, output } = makeSound();

const call = new Call({
  url: new URL("ws/chat", document.baseURI.replace(/^http/, "ws")).href,
  context,
  output,
  settings,
  listener: {
    onState: showState,
    onWords: () => view.words(call.conversation, call.name),
    onMicrophones: listMicrophones,
    onHeard: (level) => view.heard(level),
    onSpoken: (level) => view.spoken(level),
  },
});
globalThis.seiyuu = { context, output, speaker: call.speaker };

let asksName = settings.name === "";

bindTalkButton(page.talk, call, () => page.text.focus());
bindControls();
bindVolume();
bindName();
bindWriting();
bindWarning();
bindNavigation(page.views, { settings, call, context, output });
showState();
void listMicrophones();

window.addEventListener("online", () => call.hurry());
window.addEventListener("pagehide", () => call.rememberSession());

/** Makes the audio context and the node that all sound goes through. Both are undefined if the browser has no Web Audio. */
function makeSound() {
  if (globalThis.AudioContext === undefined) return { context: undefined, output: undefined };
  const context = new AudioContext({ latencyHint: "interactive" });
  const output = new GainNode(context);
  output.connect(context.destination);
  return { context, output };
}

function showState() {
  if (call.isOn && settings.name !== "") asksName = false;
  page.who.hidden = !asksName || call.isOn;
  page.me.hidden = settings.name === "";
  page.me.disabled = call.isOn;
  page.me.textContent = settings.name;
  page.me.setAttribute("aria-label", `You are ${settings.name}. Change your name`);
  view.state(call.state);
}

function bindControls() {
  page.mute.addEventListener("click", () => (call.muted = !call.state.muted));
  page.hangup.addEventListener("click", () => {
    call.hangUp();
    page.talk.focus();
  });
  page.mic.addEventListener("change", () => {
    settings.microphone = page.mic.value;
    if (call.state.hears) void call.useMicrophone();
  });
  for (const radio of document.querySelectorAll("input[name=mode]")) {
    radio.checked = radio.value === call.state.mode;
    radio.addEventListener("change", () => (call.mode = radio.value));
  }
  page.persona.addEventListener("change", () => call.choosePersona(page.persona.value));
  navigator.mediaDevices?.addEventListener?.("devicechange", listMicrophones);
}

function bindVolume() {
  if (output !== undefined) output.gain.value = gainOf(settings.volume);
  view.volume(settings.volume);
  page.volume.addEventListener("input", () => {
    settings.volume = page.volume.valueAsNumber;
    view.volume(settings.volume);
    // A sudden change would click.
    output?.gain.setTargetAtTime(gainOf(settings.volume), context.currentTime, VOLUME_SECONDS);
  });
}

/** The gain at a position of the slider. The position is squared, because half of the way then sounds half as loud. */
function gainOf(percent) {
  return (percent / 100) ** 2;
}

async function listMicrophones() {
  const found = await microphones().catch(() => []);
  const options = [{ id: "", name: "Default microphone" }, ...found].map(({ id, name }) => new Option(name, id));
  page.mic.replaceChildren(...options);
  page.mic.value = found.some(({ id }) => id === settings.microphone) ? settings.microphone : "";
}

function bindName() {
  page.name.value = settings.name;
  page.name.addEventListener("input", () => (settings.name = page.name.value));
  page.who.addEventListener("submit", (event) => {
    event.preventDefault();
    asksName = settings.name === "";
    showState();
    page.talk.focus();
  });
  page.me.addEventListener("click", () => {
    asksName = true;
    showState();
    page.name.focus();
    page.name.select();
  });
}

function bindWriting() {
  page.write.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = page.text.value.trim();
    page.text.value = "";
    if (text !== "") call.type(text);
  });
}

function bindWarning() {
  const actions = { start: () => call.start(), retry: () => call.useMicrophone(), sound: () => call.wakeSound() };
  page["warning-action"].addEventListener("click", () => {
    const does = call.state.warning?.action?.does;
    page.talk.focus();
    if (does !== undefined) void actions[does]();
  });
  page.dismiss.addEventListener("click", () => {
    call.dismissWarning();
    page.talk.focus();
  });
  page.login.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = await signIn(page.token.value);
    page["login-problem"].textContent = problem;
    if (problem !== "") return page.token.select();
    page.token.value = "";
    page.talk.focus();
    return call.start();
  });
}
