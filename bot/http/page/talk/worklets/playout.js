import { PlayoutBuffer } from "../sound/playout_buffer.js";
import { Resampler } from "../sound/resampler.js";
import { rms } from "../sound/samples.js";

const REPORT_MS = 50;

/**
 * Plays what the page hands it, and reports every 50 ms how far it is.
 *
 * Messages in: `{kind: "rate", rate}`, `{kind: "frame", reply, samples}`, `{kind: "end", reply}`, `{kind: "drop", reply}`.
 * Messages out: the events of the buffer; `{kind: "played", reply, ms}`, while a reply plays; and
 * `{kind: "level", level, targetMs, underruns}`.
 */
class Playout extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this._buffer = new PlayoutBuffer(sampleRate, { deviceMs: processorOptions.deviceMs });
    this._resampler = new Resampler(processorOptions.rate, sampleRate);
    this._reply = null;
    this._untilReport = 0;
    this._level = 0;
    this.port.onmessage = ({ data }) => this._take(data);
  }

  _take(message) {
    switch (message.kind) {
      case "rate":
        this._resampler = new Resampler(message.rate, sampleRate);
        break;
      case "frame":
        if (message.reply !== this._reply) this._flush();
        this._reply = message.reply;
        this._buffer.push(message.reply, this._resampler.process(message.samples));
        break;
      case "end":
        if (message.reply === this._reply) this._flush();
        this._buffer.end(message.reply);
        break;
      case "drop":
        this._resampler.flush();
        this._buffer.drop(message.reply);
        break;
    }
  }

  _flush() {
    const rest = this._resampler.flush();
    if (this._reply !== null) this._buffer.push(this._reply, rest);
    this._reply = null;
  }

  process(_inputs, [[output]]) {
    this._buffer.read(output);
    this._level = Math.max(this._level, rms(output));
    this._untilReport -= output.length;
    for (const event of this._buffer.takeEvents()) this.port.postMessage(event);
    if (this._untilReport <= 0) this._report();
    return true;
  }

  _report() {
    const played = this._buffer.played;
    if (played !== null) this.port.postMessage({ kind: "played", ...played });
    const { targetMs, underruns } = this._buffer;
    this.port.postMessage({ kind: "level", level: this._level, targetMs, underruns });
    this._level = 0;
    this._untilReport = (REPORT_MS / 1000) * sampleRate;
  }
}

registerProcessor("seiyuu-playout", Playout);
