/**
 * Replaces the microphone by one that is open in a quiet room. A measurement speaks into it: `benchMicrophone.say(pcm)`.
 *
 * It uses the page's own AudioContext, so what is said and what is heard have one clock.
 */
globalThis.benchMicrophone = {
  roomLevel: 0,
  destination: null,
  /** Resolves when the latest words have been said. */
  said: null,
  /** Says 16-bit mono at 48,000 Hz, in base64. Returns when it begins, in seconds of the AudioContext. */
  say(pcm) {
    const { context } = seiyuu;
    const samples = new Int16Array(Uint8Array.from(atob(pcm), (letter) => letter.charCodeAt(0)).buffer);
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: 48000 });
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(this.destination);
    const begin = Math.ceil((context.currentTime + 0.1) * context.sampleRate) / context.sampleRate;
    source.start(begin);
    this.said = new Promise((resolve) => (source.onended = () => resolve(true)));
    return begin;
  },
};

navigator.mediaDevices.getUserMedia = async () => {
  const { context } = seiyuu;
  const microphone = globalThis.benchMicrophone;
  microphone.destination = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  const room = new AudioBuffer({ length: 5 * context.sampleRate, sampleRate: context.sampleRate });
  // Random numbers that are spread evenly between minus and plus this size have the level `roomLevel`.
  const size = microphone.roomLevel * Math.sqrt(3);
  room.copyToChannel(Float32Array.from({ length: room.length }, () => size * (2 * Math.random() - 1)), 0);
  const source = new AudioBufferSourceNode(context, { buffer: room, loop: true });
  source.connect(microphone.destination);
  source.start();
  return microphone.destination.stream;
};
navigator.mediaDevices.enumerateDevices = async () => [{ kind: "audioinput", deviceId: "desk", label: "Desk microphone" }];
