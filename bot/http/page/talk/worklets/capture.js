import { Framer } from "../sound/framer.js";

/** Hands the page the microphone's sound in frames of 20 ms: `{pcm, level}`. */
class Capture extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this._framer = new Framer(sampleRate, processorOptions.rate);
  }

  process([input]) {
    if (input.length === 0) return true;
    for (const frame of this._framer.process(input[0])) this.port.postMessage(frame, [frame.pcm]);
    return true;
  }
}

registerProcessor("seiyuu-capture", Capture);
