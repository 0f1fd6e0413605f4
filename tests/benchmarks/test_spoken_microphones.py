"""The microphones of guests in the benchmarks: what they send around the words, and the times of the words."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from benchmarks.spoken_microphones import ClosingSpeaker, MicrophoneSpeaker, OpenSpeaker, last_voiced_frame
from sandbox.voice.microphone import MicrophoneFrame, PushToTalk, SimulatedMicrophone, VoiceActivity
from sandbox.voice.opus import FRAME_SAMPLES, Sound

WORDS = np.full(10 * FRAME_SAMPLES - 100, 0.1, np.float32)
"""Ten frames, the last of them not quite full."""


class Line:
    """A voice connection whose clock is the number of the frame that is sent."""

    def __init__(self) -> None:
        self.frames: list[MicrophoneFrame] = []

    def clock(self) -> float:
        return float(len(self.frames))

    async def speak(self, sound: Sound, microphone: SimulatedMicrophone | None = None) -> None:
        assert microphone is not None
        for frame in microphone.frames(sound):
            self.frames.append(frame)
            await asyncio.sleep(0)


@pytest.mark.parametrize(("microphone", "closes"), [(PushToTalk(), 34), (VoiceActivity(hang_over=0.2), 18)])
async def test_silence_after_the_words_does_not_count_as_words(microphone: SimulatedMicrophone, closes: int) -> None:
    line = Line()
    speaker = ClosingSpeaker(line, microphone, lambda: 0.5, clock=line.clock)
    for begin in (0, 35):
        times = await speaker.say(WORDS)
        assert (times.first_voiced, times.last_voiced) == (begin, begin + 9)
        assert times.closed == begin + closes
    assert len(line.frames) == 70


async def test_an_open_microphone_sends_sound_before_and_after_the_words_too() -> None:
    line = Line()
    async with OpenSpeaker(line, seed=1, clock=line.clock) as speaker:
        await said_in_the_room(line, speaker)
        await said_in_the_room(line, speaker)
    assert all(frame is not None and np.any(frame) for frame in line.frames)


async def said_in_the_room(line: Line, speaker: MicrophoneSpeaker) -> None:
    """Send some room noise, say the words, and check that they are sent completely and in order."""
    for _ in range(20):
        await asyncio.sleep(0)
    times = await speaker.say(WORDS)
    first, last = int(times.first_voiced), int(times.last_voiced)
    assert times.closed is None
    assert last - first == 9
    assert first > 0
    await asyncio.sleep(0)
    levels = [float(np.mean(frame)) for frame in line.frames[first : last + 1] if frame is not None]
    assert levels == pytest.approx([0.1] * 9 + [0.1 * (1 - 100 / FRAME_SAMPLES)], abs=0.001)
    room = line.frames[first - 1]
    assert room is not None
    assert abs(float(np.mean(room))) < 0.001


def test_sound_that_fades_after_the_words_is_not_voiced() -> None:
    dying = np.full(5 * FRAME_SAMPLES, 0.004, np.float32)
    assert last_voiced_frame(np.concatenate([WORDS, dying])) == last_voiced_frame(WORDS) == 9
