/** Plays sound files, one at a time. */
export class Player {
  /** @param {{context?: AudioContext, output?: AudioNode, call: import("../talk/call.js").Call}} parts */
  constructor({ context, output, call }) {
    this._context = context;
    this._output = output;
    this._call = call;
    this._source = null;
  }

  /** Starts the sound. Browsers allow that while they handle a click or a key. */
  wake() {
    if (this._context === undefined) throw new Error("This browser does not let the page play sound.");
    this._call.sound.wake();
  }

  /**
   * Plays a sound file, in place of what is being played.
   *
   * @param {ArrayBuffer} file @returns {Promise<void>} when it is over, or was stopped.
   */
  async play(file) {
    this.stop();
    let buffer;
    try {
      buffer = await this._context.decodeAudioData(file);
    } catch {
      throw new Error("This browser can't play that sound.");
    }
    this.stop();
    const source = new AudioBufferSourceNode(this._context, { buffer });
    source.connect(this._output);
    this._source = source;
    await new Promise((resolve) => {
      source.onended = resolve;
      source.start();
    });
    if (this._source === source) this._end();
  }

  stop() {
    this._source?.stop();
    if (this._source !== null) this._end();
  }

  _end() {
    this._source = null;
    if (!this._call.isOn) this._call.sound.rest();
  }
}
