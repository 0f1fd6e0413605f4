import { keepAwake } from "./awake.js";
import { Connection } from "./connection.js";
import { earlierTurns } from "./earlier_turns.js";
import { LiveConversation } from "./live_conversation.js";
import { hello } from "./messages.js";
import { floatsOf } from "./sound/samples.js";
import { DOWN, SoundDevices } from "./sound_devices.js";
import { closeWarning, errorWarning, lostWarning, microphoneWarning, warning } from "./warnings.js";

const ANONYMOUS = "Guest";
/** The id of sound that belongs to no reply: music. */
const BACKGROUND = "background";
const FAREWELL_MS = 300;
/** Errors after which a call does not begin. */
const HOPELESS = new Set(["call_failed", "bad_message", "unknown_type", "bad_parameter"]);

/**
 * @typedef {object} CallState
 * @property {"idle" | "connecting" | "loading" | "listening" | "thinking" | "speaking" | "reconnecting"} phase
 * @property {number | null} progress of loading, from 0 to 1.
 * @property {boolean} canSound whether the browser lets this page have sound.
 * @property {boolean} hears whether a microphone is open.
 * @property {boolean} muted
 * @property {"open" | "push-to-talk"} mode
 * @property {boolean} talking whether the button is held (push-to-talk).
 * @property {{persona: string, name: string, choices: {persona: string, name: string}[]} | null} persona who speaks, and who could.
 * @property {{question: string, text: string}[]} questions what needs the person's yes.
 * @property {import("./warnings.js").Warning | null} warning
 */

/** A call with Seiyuu: the connection, the microphone, the loudspeaker and what is said. */
export class Call {
  /**
   * @param {object} parts
   * @param {string} parts.url of the socket.
   * @param {AudioContext} parts.context @param {AudioNode} parts.output
   * @param {import("../settings.js").Settings} parts.settings
   * @param {object} parts.listener `onState()`, `onWords()`, `onMicrophones()`, `onHeard(level)` and `onSpoken(level)`.
   */
  constructor({ url, context, output, settings, listener }) {
    this._url = url;
    this._settings = settings;
    this._listener = listener;
    this._connection = null;
    this._wasReady = false;
    this._attempt = 0;
    this._reply = null;
    this._waiting = [];
    this._greetedWith = 0;
    this._letSleep = null;
    this._ending = null;
    this._words = new LiveConversation(() => listener.onWords());
    this._sound = new SoundDevices(context, output, {
      onPlayed: (reply, ms) => this._connection?.send({ type: "played", reply, ms: Math.round(ms) }),
      onLevel: (level) => listener.onSpoken(level),
      onFlow: (flows) => this._words.update((conversation, now) => conversation.hold(!flows, now)),
      onFrame: (pcm, level) => this._hear(pcm, level),
      onLost: () => this._loseMicrophone(),
      onBlocked: (isBlocked) => this._blocked(isBlocked),
    });
    /** @type {CallState} */
    this.state = {
      phase: "idle",
      progress: null,
      canSound: this.canSound,
      hears: false,
      muted: false,
      mode: settings.mode,
      talking: false,
      persona: null,
      questions: [],
      warning: this.canSound ? null : this._noSound(),
    };
  }

  get isOn() {
    return this.state.phase !== "idle";
  }

  get isReady() {
    return this._connection?.isReady ?? false;
  }

  get conversation() {
    return this._words.conversation;
  }

  /** Microphone and loudspeaker. */
  get sound() {
    return this._sound;
  }

  get speaker() {
    return this._sound.speaker;
  }

  /** Whether the browser lets this page have sound. */
  get canSound() {
    return this._sound.areAllowed;
  }

  /** The name by which Seiyuu knows the person. */
  get name() {
    return this._settings.name || ANONYMOUS;
  }

  /** Starts a call. Without a microphone, the person types. To be called in the handling of a click or a key. */
  async start({ microphone = true } = {}) {
    if (this.isOn) return;
    if (microphone && !this.canSound) return this._set({ warning: this._noSound() });
    const attempt = ++this._attempt;
    this._words.update((conversation) => conversation.enter());
    this._set({ phase: "connecting", progress: null, hears: false, talking: false, warning: null });
    try {
      if (this.canSound) {
        this._sound.wake();
        await this.speaker.load(DOWN);
      }
    } catch (error) {
      console.warn(error);
      if (attempt === this._attempt) this._end(warning("sound-failed"));
      return;
    }
    if (attempt === this._attempt && microphone && !(await this._openMicrophone(attempt))) return;
    if (attempt === this._attempt) this._connect();
  }

  /** Uses the chosen microphone from now on. */
  async useMicrophone() {
    if (this.isOn && this.canSound && (await this._openMicrophone(this._attempt))) this._tellMuted();
  }

  /** Ends the call. */
  hangUp() {
    this._connection?.send({ type: "hangup" });
    this._end(null);
  }

  /** Makes Seiyuu fall silent. */
  interrupt() {
    if (!["thinking", "speaking"].includes(this.state.phase)) return;
    this._connection?.send({ type: "interrupt" });
    this._silence();
  }

  set muted(on) {
    this._set({ muted: on });
    if (on) this.talking = false;
    this._tellMuted();
  }

  /** With push-to-talk: whether the person holds the button. */
  get talking() {
    return this.state.talking;
  }

  set talking(on) {
    if (on === this.state.talking || (on && !(this.isReady && this.state.hears))) return;
    if (on) this.interrupt();
    this._connection?.send({ type: "talking", on });
    this._set({ talking: on });
  }

  set mode(mode) {
    if (mode === this.state.mode) return;
    this.talking = false;
    this._settings.mode = mode;
    this._set({ mode });
    // The server learns the mode from the first message of a socket.
    if (this.isReady) this._connection.renew();
  }

  /** Talks with another persona from now on. */
  choosePersona(persona) {
    this._connection?.send({ type: "persona", persona });
  }

  /** Answers a question of the bot. */
  answer(question, allow) {
    // If the socket is gone, the question stays: the bot asks again when there is a socket.
    if (this._connection?.send({ type: "answer", question, allow })) this._close(question);
  }

  /** Says something in writing. Starts a call if none is on. */
  type(text) {
    if (!this.isOn) void this.start({ microphone: false });
    this._words.update((conversation) => {
      const id = conversation.typed(text, this.name);
      const message = { type: "text", text, id: `${id}` };
      if (this._connection?.send(message)) return;
      this._waiting.push(message);
      conversation.waiting.add(id);
    });
  }

  /** Connects at once, if the page waits before it connects again. */
  hurry() {
    if (this.state.phase === "reconnecting") this._connection.renew();
  }

  /** The page goes away. It may come back with the session. */
  rememberSession() {
    if (this._connection?.session) this._settings.session = this._connection.session;
  }

  dismissWarning() {
    this._set({ warning: null });
  }

  /** Starts the sound, after a click. */
  wakeSound() {
    this._sound.wake();
    this.dismissWarning();
  }

  _noSound() {
    return warning(globalThis.isSecureContext ? "old-browser" : "insecure");
  }

  async _openMicrophone(attempt) {
    try {
      await this._sound.microphone.open(this._settings.microphone);
    } catch (error) {
      if (attempt !== this._attempt) return false;
      if (this.isReady) this._set({ hears: this._sound.microphone.isOpen, warning: microphoneWarning(error) });
      else this._end(microphoneWarning(error));
      return false;
    }
    if (attempt !== this._attempt) return false;
    this._set({ hears: true, warning: null });
    this._listener.onMicrophones();
    return true;
  }

  _connect() {
    const makeGreeting = (session) => {
      // Without sound, a call begins with the first text.
      const texts = this.canSound ? [] : [...this._waiting];
      this._greetedWith = texts.length;
      const down = this.canSound ? DOWN : null;
      return [hello({ name: this.name, microphone: this.state.mode, session, down }), ...texts];
    };
    this._wasReady = false;
    this._connection = new Connection(this._url, makeGreeting, {
      onMessage: (message) => this._take(message),
      onSound: (buffer) => this._play(buffer),
      onLost: (wait) => this._lose(wait),
      onEnd: (code, error) => this._end(closeWarning(code, error) ?? this.state.warning),
    });
    this._connection.start(this._settings.session);
    this._letSleep = keepAwake();
  }

  _end(problem) {
    this._attempt += 1;
    this._connection?.stop();
    this._connection = null;
    this._dropReply();
    this._sound.rest();
    this._reply = null;
    this._waiting = [];
    this._settings.session = null;
    this._letSleep?.();
    this._letSleep = null;
    this._set({ phase: "idle", progress: null, hears: false, talking: false, persona: null, questions: [], warning: problem });
    this._listener.onHeard(0);
    this._words.update((conversation) => conversation.close());
  }

  _take(message) {
    switch (message.type) {
      case "ready":
        return this._begin(message);
      case "state":
        if (message.state !== "idle") return this._set({ phase: message.state, progress: message.progress });
        // A new socket is told that there is no call yet.
        return this.isReady ? this._endSoon() : undefined;
      case "transcription":
        return this._words.update((conversation, now) => conversation.transcription(message, now));
      case "llm_token":
        if (this.state.warning?.id === "error") this.dismissWarning();
        return this._words.update((conversation, now) => conversation.token(message, now));
      case "audio_response":
        this._reply = message.reply;
        return this._words.update((conversation, now) => conversation.segment(message.reply, message.text, now));
      case "background":
        if (message.on) this._reply = BACKGROUND;
        else this.speaker.end(BACKGROUND);
        return;
      case "audio_end":
        if (message.reason === "interrupted") this.speaker.drop(message.reply);
        else this.speaker.end(message.reply);
        return this._words.update((conversation) => conversation.end(message.reason, message));
      case "persona":
        this._words.update((conversation) => (conversation.persona = message.name));
        return this._set({ persona: message });
      case "question":
        // The bot asks again when a socket has come back.
        return this._set({ questions: [...this._otherQuestions(message.question), message] });
      case "question_over":
        return this._close(message.question);
      case "waiting":
        return this._words.update((conversation) => (conversation.waiting = new Set([...message.texts, ...this._waiting.slice(this._greetedWith).map(({ id }) => id)].map(Number))));
      case "notice":
        return this._words.update((conversation) => conversation.notice(message.text));
      case "error":
        return this._fail(message);
    }
  }

  _otherQuestions(question) {
    return this.state.questions.filter((each) => each.question !== question);
  }

  _close(question) {
    this._set({ questions: this._otherQuestions(question) });
  }

  _fail(error) {
    if (this.isReady && error.code === "no_call") this._end(this.state.warning);
    else if (this.isReady) this._set({ warning: errorWarning(error) });
    // After these errors, the server does not close the socket. Other errors before the call are shown when it does.
    else if (HOPELESS.has(error.code)) this._end(errorWarning(error));
  }

  /** The server has ended the call. What it still has to say about that comes in a moment. */
  _endSoon() {
    this._sound.microphone.close();
    clearTimeout(this._ending);
    const attempt = this._attempt;
    this._ending = setTimeout(() => attempt === this._attempt && this._end(this.state.warning), FAREWELL_MS);
  }

  _begin({ session, down, call }) {
    if (!this._wasReady && call !== null) void this._recall(call);
    this._wasReady = true;
    this._settings.session = session;
    this.speaker.setRate(down);
    const solved = this.state.warning?.id === "lost" ? null : this.state.warning;
    const listening = ["connecting", "loading", "reconnecting"].includes(this.state.phase);
    this._set({ warning: this._sound.isBlocked ? warning("sound-blocked") : solved, ...(listening && { phase: "listening" }) });
    this._tellMuted();
    for (const text of this._waiting.splice(0).slice(this._greetedWith)) this._connection.send(text);
  }

  /** Shows what was said in the call before this page entered it. */
  async _recall(call) {
    const attempt = this._attempt;
    const turns = await earlierTurns(call);
    if (attempt === this._attempt && turns.length > 0) this._words.update((conversation) => conversation.recall(turns));
  }

  _lose(wait) {
    this.rememberSession();
    this._set({ phase: "reconnecting", talking: false, warning: lostWarning(wait, this._wasReady) });
  }

  _play(buffer) {
    const samples = floatsOf(buffer);
    if (this._reply !== null && samples !== null) this.speaker.play(this._reply, samples);
  }

  /** Drops the reply. Music is only ended: it always has the same id, and the speaker plays nothing of an id that was dropped. */
  _dropReply() {
    if (this._reply === BACKGROUND) this.speaker.end(BACKGROUND);
    else if (this._reply !== null) this.speaker.drop(this._reply);
  }

  _silence() {
    if (this._reply !== BACKGROUND) this._dropReply();
    this._words.update((conversation) => conversation.end("interrupted"));
  }

  _hear(pcm, level) {
    const { muted, mode, talking } = this.state;
    if (!muted && (mode === "open" || talking)) this._connection?.sendSound(pcm);
    this._listener.onHeard(muted ? 0 : level);
  }

  _tellMuted() {
    this._sound.microphone.enabled = !this.state.muted;
    this._connection?.send({ type: "mute", on: this.state.muted || !this.state.hears });
  }

  _loseMicrophone() {
    this.talking = false;
    this._set({ hears: false, warning: warning("microphone-lost") });
    this._tellMuted();
    this._listener.onHeard(0);
  }

  _blocked(isBlocked) {
    if (isBlocked && this.isReady) this._set({ warning: warning("sound-blocked") });
    else if (!isBlocked && this.state.warning?.id === "sound-blocked") this.dismissWarning();
  }

  _set(change) {
    this.state = { ...this.state, ...change };
    this._listener.onState();
  }
}
