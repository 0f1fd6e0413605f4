"""Records what the page plays at ``globalThis.seiyuu.output``, the last node before the loudspeaker."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Self

import numpy as np
from playwright.async_api import Page

from audio.pcm import from_pcm16
from audio.samples import Samples

SCRIPT = Path(__file__).with_name("recorder.js")
AUDIBLE = 0.001
"""Samples above this are audible: -60 dB of full scale."""
_BEGIN = """async (script) => {
  const {context, output} = seiyuu;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([script], {type: "text/javascript"})));
  const recorder = new AudioWorkletNode(context, "bench-recorder", {numberOfOutputs: 0});
  globalThis.benchRecording = [];
  // The thread that plays takes up a new node some time later. What was played until then would be missing.
  const begun = new Promise((resolve) => {
    recorder.port.onmessage = ({data}) => {
      benchRecording.push(data);
      resolve();
    };
  });
  output.connect(recorder);
  await begun;
  return context.sampleRate;
}"""
_COLLECT = """async () => {
  const pieces = benchRecording.splice(0);
  const bytes = new Uint8Array(await new Blob(pieces.map(({pcm}) => pcm)).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return {pieces: pieces.map(({frame, pcm}) => [frame, pcm.length]), pcm: btoa(text)};
}"""


class Recording:
    """What the page has played since the recording began. Times are in seconds of the page's clock.

    Attributes:
        rate: the sample rate in Hz.
        skips: the length, in seconds, of each stretch of sound that the browser left out because it was too late. The
            recording has silence there.
    """

    def __init__(self, page: Page, rate: int) -> None:
        self.rate = rate
        self.skips: list[float] = []
        self._page = page
        self._begin: int | None = None
        self._pieces: list[Samples] = []

    @classmethod
    async def start(cls, page: Page) -> Self:
        """Begin to record. The page must be in a call."""
        return cls(page, int(await page.evaluate(_BEGIN, SCRIPT.read_text(encoding="utf-8"))))

    async def collect(self) -> float:
        """Fetch the sound that was played until now. Returns the time at which it ends."""
        found = await self._page.evaluate(_COLLECT)
        sound, at = from_pcm16(base64.b64decode(found["pcm"])), 0
        for frame, length in found["pieces"]:
            if self._begin is None:
                self._begin = frame
            # The page's clock may stand still for a moment, and then jump ahead.
            if (skipped := frame - self._end) > 0:
                self.skips.append(skipped / self.rate)
                self._pieces.append(np.zeros(skipped, np.float32))
            self._pieces.append(sound[at : at + length])
            at += length
        return self._end / self.rate

    @property
    def _end(self) -> int:
        return (self._begin or 0) + sum(map(len, self._pieces))

    def since(self, at: float) -> Samples:
        """The collected sound from this time on."""
        whole = np.concatenate([np.zeros(0, np.float32), *self._pieces])
        self._pieces = [whole]
        return whole[max(0, round(at * self.rate) - (self._begin or 0)) :]

    def audible_since(self, at: float) -> float | None:
        """The time of the first audible sample from this time on; ``None`` if there is none."""
        sound = self.since(at)
        audible = np.flatnonzero(np.abs(sound) >= AUDIBLE)
        return (self._end - len(sound) + int(audible[0])) / self.rate if len(audible) else None

    def silent_for(self) -> float:
        """The number of silent seconds at the end of the recording."""
        audible = np.flatnonzero(np.abs(self.since(0)) >= AUDIBLE)
        return (len(self.since(0)) - (int(audible[-1]) + 1 if len(audible) else 0)) / self.rate

    def forget(self) -> None:
        """Drop the sound so far. Later sound still has its times on the same clock."""
        self._begin, self._pieces = self._end, []
