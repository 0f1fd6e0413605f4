const REPORT_MS = 200;

/**
 * Plays the replies.
 *
 * `listener` has `onPlayed(reply, ms)`, about every 200 ms and at the end, `onLevel(level)`, and `onFlow(flows)` when the sound of
 * a reply stands still or goes on.
 */
export class Speaker {
  /** @param {AudioContext} context @param {AudioNode} output where the sound goes. */
  constructor(context, output, listener) {
    this._context = context;
    this._output = output;
    this._listener = listener;
    this._node = null;
    this._rate = 0;
    this._reportAt = 0;
    this._stats = { targetMs: 0, underruns: 0 };
  }

  /** The delay of the play-out buffer in milliseconds, and how often it ran empty. */
  get stats() {
    return this._stats;
  }

  /** Loads the worklet that plays the sound, once. `rate` is the sample rate of the sound, in Hz. */
  async load(rate) {
    if (this._node !== null) return this.setRate(rate);
    await this._context.audioWorklet.addModule(new URL("worklets/playout.js", import.meta.url));
    this._rate = rate;
    this._node = new AudioWorkletNode(this._context, "seiyuu-playout", {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { rate, deviceMs: 1000 * Math.min(0.05, this._context.baseLatency || 0.01) },
    });
    this._node.port.onmessage = ({ data }) => this._take(data);
    this._node.connect(this._output);
  }

  setRate(rate) {
    if (rate === this._rate) return;
    this._rate = rate;
    this._node?.port.postMessage({ kind: "rate", rate });
  }

  /** A piece of a reply's sound. */
  play(reply, samples) {
    this._node?.port.postMessage({ kind: "frame", reply, samples }, [samples.buffer]);
  }

  /** The reply's sound is complete. */
  end(reply) {
    this._node?.port.postMessage({ kind: "end", reply });
  }

  /** Stops a reply's sound at once. */
  drop(reply) {
    this._node?.port.postMessage({ kind: "drop", reply });
  }

  _take(event) {
    if (event.kind === "level") {
      this._stats = { targetMs: event.targetMs, underruns: event.underruns };
      this._listener.onLevel(event.level);
    } else if (event.kind === "underrun" || event.kind === "resumed") {
      this._listener.onFlow(event.kind === "resumed");
    } else if (event.kind === "finished") {
      this._listener.onPlayed(event.reply, event.ms);
    } else if (event.kind === "played" && performance.now() >= this._reportAt) {
      // What was handed to the device is heard a little later.
      const latency = 1000 * (this._context.outputLatency || this._context.baseLatency || 0);
      this._reportAt = performance.now() + REPORT_MS;
      this._listener.onPlayed(event.reply, Math.max(0, event.ms - latency));
    }
  }
}
