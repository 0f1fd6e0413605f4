import { UP_RATE } from "./messages.js";

/** The microphone. `listener` has `onFrame(pcm, level)` every 20 ms, and `onLost()` if it goes away by itself. */
export class Microphone {
  /** @param {AudioContext} context @param {number} [rate] of the frames, in Hz. */
  constructor(context, listener, rate = UP_RATE) {
    this._rate = rate;
    this._context = context;
    this._listener = listener;
    this._isLoaded = false;
    this._stream = null;
    this._source = null;
    this._node = null;
    this._enabled = true;
    this._opening = 0;
  }

  get isOpen() {
    return this._stream !== null;
  }

  /** Whether sound is let through. If not, the browser shows that the microphone is off. */
  set enabled(on) {
    this._enabled = on;
    for (const track of this._stream?.getAudioTracks() ?? []) track.enabled = on;
  }

  /**
   * Opens a microphone; the one before is closed.
   *
   * @param {string} id its id; empty for the browser's choice. @throws {DOMException} it can't be opened.
   */
  async open(id) {
    const opening = ++this._opening;
    const [stream] = await Promise.all([getStream(id), this._load()]);
    if (opening !== this._opening) return stop(stream);
    this._disconnect();
    this._stream = stream;
    this.enabled = this._enabled;
    for (const track of stream.getAudioTracks()) {
      track.onended = () => {
        if (this._stream !== stream) return;
        this.close();
        this._listener.onLost();
      };
    }
    this._source = new MediaStreamAudioSourceNode(this._context, { mediaStream: stream });
    this._node = new AudioWorkletNode(this._context, "seiyuu-capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { rate: this._rate },
    });
    this._node.port.onmessage = ({ data }) => this._listener.onFrame(data.pcm, data.level);
    this._source.connect(this._node);
  }

  close() {
    this._opening += 1;
    this._disconnect();
  }

  _disconnect() {
    if (this._stream === null) return;
    this._node.port.onmessage = null;
    this._source.disconnect();
    stop(this._stream);
    this._stream = this._source = this._node = null;
  }

  async _load() {
    if (this._isLoaded) return;
    await this._context.audioWorklet.addModule(new URL("worklets/capture.js", import.meta.url));
    this._isLoaded = true;
  }
}

/** All microphones: `{id, name}`. Browsers list them only after the page was allowed to use one. */
export async function microphones() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices
    .filter(({ kind, deviceId }) => kind === "audioinput" && !["", "default", "communications"].includes(deviceId))
    .map(({ deviceId, label }, i) => ({ id: deviceId, name: label || `Microphone ${i + 1}` }));
}

async function getStream(id) {
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  if (id !== "") {
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: { ...audio, deviceId: { exact: id } } });
    } catch (error) {
      // The one that was chosen the last time is gone.
      if (error.name !== "OverconstrainedError" && error.name !== "NotFoundError") throw error;
    }
  }
  return navigator.mediaDevices.getUserMedia({ audio });
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}
