/** Passes all sound that reaches it on to the test. */
class Recorder extends AudioWorkletProcessor {
  process([input]) {
    if (input.length > 0) this.port.postMessage(input[0].slice());
    return true;
  }
}

registerProcessor("tests-recorder", Recorder);
