"""Records what the page plays, at the last node before the loudspeaker."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
import soxr
from playwright.async_api import Page

from audio.samples import Samples
from tests.browser.chat_server import DOWN_RATE

_BEGIN = """async () => {
  const {context, output} = seiyuu;
  await context.audioWorklet.addModule("/tests/recorder.js");
  const recorder = new AudioWorkletNode(context, "tests-recorder", {numberOfOutputs: 0});
  const recording = (globalThis.testRecording = []);
  // The thread that plays takes up a new node some time later. What was played until then would be missing.
  const begun = new Promise((resolve) => {
    recorder.port.onmessage = ({data}) => {
      recording.push(data);
      resolve();
    };
  });
  output.connect(recorder);
  await begun;
  return context.sampleRate;
}"""
_BEGIN_WITHOUT_FILES = """async () => {
  const {context, output} = seiyuu;
  const recorder = context.createScriptProcessor(4096, 1, 1);
  const recording = (globalThis.testRecording = []);
  const begun = new Promise((resolve) => {
    recorder.onaudioprocess = ({inputBuffer}) => {
      recording.push(inputBuffer.getChannelData(0).slice());
      resolve();
    };
  });
  output.connect(recorder);
  recorder.connect(context.destination);
  await begun;
  return context.sampleRate;
}"""
"""Records without the tests' script ``recorder.js``, which the program does not serve. A busy page may lose parts."""
_READ = """async () => {
  const bytes = new Uint8Array(await new Blob(testRecording).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}"""


@dataclass
class Recording:
    """A recording that goes on. ``rate`` is its sample rate in Hz."""

    page: Page
    rate: int

    @classmethod
    async def begin(cls, page: Page) -> Recording:
        return cls(page, int(await page.evaluate(_BEGIN)))

    @classmethod
    async def begin_at_the_program(cls, page: Page) -> Recording:
        """Begin to record a page that the program itself serves, and not the tests' stand-in for it."""
        return cls(page, int(await page.evaluate(_BEGIN_WITHOUT_FILES)))

    async def sound(self) -> Samples:
        """The sound that was played until now, without the silence before it."""
        samples = np.frombuffer(base64.b64decode(await self.page.evaluate(_READ)), np.float32)
        heard = np.flatnonzero(samples)
        return samples[heard[0] :] if len(heard) else samples[:0]

    def as_played(self, sound: Samples) -> Samples:
        """Sound of the server in the sample rate of the recording."""
        return np.asarray(soxr.resample(sound, DOWN_RATE, self.rate, "VHQ"), np.float32)


def gaps(heard: Samples, meant: Samples, rate: int) -> list[int]:
    """The numbers of the 20 ms blocks in which ``heard`` differs from ``meant``, without the first and the last one."""
    # A recording begins with its first sample that is not 0. With silence before it, it can't begin after ``meant``.
    heard = np.concatenate([np.zeros(rate // 10, np.float32), heard])
    shift = _shift(heard, meant, rate)
    block = rate // 50
    count = len(meant) // block
    padded = np.concatenate([heard[shift:], np.zeros(len(meant), np.float32)])[: count * block]
    difference = (padded - meant[: count * block]).reshape(count, block)
    error = np.sqrt(np.mean(difference**2, axis=1)) / np.sqrt(np.mean(meant**2))
    return [number for number in range(1, count - 1) if error[number] > 0.02]


def _shift(heard: Samples, meant: Samples, rate: int) -> int:
    """The position in ``heard`` at which ``meant`` begins, in samples."""
    probe = meant[rate // 10 : rate // 2]
    window = heard[: 2 * rate]
    size = len(window) + len(probe)
    product = np.fft.irfft(np.fft.rfft(window, size) * np.conj(np.fft.rfft(probe, size)), size)
    return max(0, int(np.argmax(product[: len(window)])) - rate // 10)
