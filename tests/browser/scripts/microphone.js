/**
 * Replaces the microphone by sound that a test plays: `testMicrophone.play(samples, rate)`.
 *
 * If `testMicrophone.fails` is the name of an error, the microphone can't be opened, with this error.
 */
globalThis.testMicrophone = {
  fails: null,
  asked: [],
  tracks: [],
  play(samples, rate) {
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: rate });
    buffer.copyToChannel(Float32Array.from(samples), 0);
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.destination);
    source.start();
    return new Promise((resolve) => (source.onended = resolve));
  },
};

navigator.mediaDevices.getUserMedia = async (constraints) => {
  const fake = globalThis.testMicrophone;
  fake.asked.push(constraints);
  if (fake.fails !== null) throw new DOMException("A test wants it so.", fake.fails);
  fake.context ??= new AudioContext();
  fake.destination = new MediaStreamAudioDestinationNode(fake.context);
  fake.tracks = fake.destination.stream.getAudioTracks();
  return fake.destination.stream;
};
navigator.mediaDevices.enumerateDevices = async () => [
  { kind: "audioinput", deviceId: "default", label: "Default" },
  { kind: "audioinput", deviceId: "desk", label: globalThis.testMicrophone.asked.length > 0 ? "Desk microphone" : "" },
  { kind: "audioinput", deviceId: "head", label: globalThis.testMicrophone.asked.length > 0 ? "Headset" : "" },
  { kind: "audiooutput", deviceId: "loud", label: "Loudspeaker" },
];
