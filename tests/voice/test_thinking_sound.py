"""The sound while people wait: when it begins, what ends it, and how it sounds. Time passes by frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from audio.samples import SPEAKING_RATE
from bot.voice.mixing.mixer import Mixer
from bot.voice.mixing.stream import FADE_FRAMES, Channel
from bot.voice.thinking_sound import LEVEL, LOOK_SECONDS, PITCHES, ThinkingSound, pulse
from bot.voice.turn import TurnId
from bot.voice.turns.events import SpeechPaused, TurnStarted
from tests.timing import ManualSleep
from tests.voice.mixing.sounds import ScriptedReply, level, stream_of, tone

FRAMES_A_LOOK = round(LOOK_SECONDS / 0.02)
"""Frames that the sending thread takes between two looks."""
HALF_A_SECOND = 25
"""Frames in half a second. If more than these are heard within a second, the sound began in its first half."""


class Stage:
    """A call's mixer and its thinking sound. :meth:`take` lets time pass."""

    def __init__(self) -> None:
        self.reply = ScriptedReply()
        self.mixer = Mixer(self.reply)
        self.sleep = ManualSleep()
        self.queued = 0.0
        self.now = 0.0
        self.sound = ThinkingSound(self.mixer, lambda: self.queued, clock=lambda: self.now, sleep=self.sleep)
        self._running = asyncio.create_task(self.sound.run())

    async def take(self, seconds: float) -> list[bytes | None]:
        """What is sent in some seconds, frame by frame. ``None`` stands for no frame."""
        taken = []
        for number in range(round(seconds / 0.02)):
            taken.append(self.mixer.take())
            self.now += 0.02
            if number % FRAMES_A_LOOK == FRAMES_A_LOOK - 1:
                await self.sleep.pass_by(LOOK_SECONDS)
        return taken

    async def close(self) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    await asyncio.sleep(0)
    yield stage
    await stage.close()


def started(person: int) -> TurnStarted:
    return TurnStarted(TurnId(person, 1), 0.0, 0.0)


def paused(person: int) -> SpeechPaused:
    return SpeechPaused(TurnId(person, 1), np.zeros(0, np.int16), 0.0, 0.0)


def heard(frames: list[bytes | None]) -> int:
    return sum(frame is not None for frame in frames)


async def begin(stage: Stage) -> None:
    """A reply is being made, and nothing has come for long enough: the sound plays."""
    stage.sound.began()
    await asyncio.sleep(0)
    assert heard(await stage.take(0.9)) == 0, "a second of silence comes first"
    assert heard(await stage.take(1.0)) > HALF_A_SECOND


async def test_the_sound_begins_after_a_second_and_goes_on_as_long_as_people_wait(stage: Stage) -> None:
    await begin(stage)
    assert heard(await stage.take(30.0)) == 1500


async def test_the_sound_has_faded_out_within_100_ms_after_text_came(stage: Stage) -> None:
    await begin(stage)
    stage.sound.text_came()
    assert heard(await stage.take(1.0)) == FADE_FRAMES
    assert heard(await stage.take(10.0)) == 0, "the text is being made into speech: that is not thinking"


async def test_the_sound_begins_again_while_a_tool_works_after_something_was_said(stage: Stage) -> None:
    await begin(stage)
    stage.sound.text_came()
    stage.sound.sound_came()
    stage.queued = 1.0
    assert heard(await stage.take(2.0)) == FADE_FRAMES
    stage.queued = 0.0
    assert heard(await stage.take(0.9)) == 0
    assert heard(await stage.take(1.0)) > HALF_A_SECOND


async def test_the_sound_is_gone_within_a_frame_when_the_voice_comes_without_a_warning(stage: Stage) -> None:
    await begin(stage)
    voice = tone(10, 0.3)
    stage.reply.frames.extend(voice)
    first, *others = [stage.mixer.take() for _ in voice]
    assert first is not None
    assert level(first) == pytest.approx(level(voice[0]), rel=0.05)
    assert others == voice[1:], "from the second frame on, there is only the voice"


async def test_without_a_reply_nothing_sounds_and_the_end_of_a_reply_ends_the_sound(stage: Stage) -> None:
    assert heard(await stage.take(5.0)) == 0
    await begin(stage)
    stage.sound.ended()
    assert heard(await stage.take(5.0)) == FADE_FRAMES


async def test_the_sound_does_not_begin_while_somebody_speaks_and_ends_when_somebody_begins(stage: Stage) -> None:
    stage.sound.began()
    stage.sound.follow(started(1))
    await asyncio.sleep(0)
    assert heard(await stage.take(5.0)) == 0
    stage.sound.follow(paused(1))
    assert heard(await stage.take(0.9)) == 0
    assert heard(await stage.take(1.0)) > HALF_A_SECOND
    stage.sound.follow(started(2))
    assert heard(await stage.take(5.0)) == FADE_FRAMES


async def test_the_sound_does_not_play_beneath_music(stage: Stage) -> None:
    music = stream_of(tone(300, 0.2), Channel.MUSIC)
    stage.mixer.add(music)
    stage.sound.began()
    await asyncio.sleep(0)
    taken = await stage.take(6.0)
    # After its fade-in, the music is all that is heard.
    assert [frame for frame in taken if frame is not None][FADE_FRAMES:] == tone(300, 0.2)[FADE_FRAMES:]
    assert heard(await stage.take(2.0)) > HALF_A_SECOND, "it begins when the music is over"


async def test_the_end_of_the_call_ends_the_sound(stage: Stage) -> None:
    await begin(stage)
    await stage.close()
    assert heard([stage.mixer.take() for _ in range(50)]) == FADE_FRAMES


def test_the_pulse_is_quiet_soft_without_a_seam_and_always_the_same() -> None:
    frames = pulse()
    assert frames == pulse()
    sound = np.concatenate([np.frombuffer(frame, "<i2").reshape(-1, 2)[:, 0] for frame in [*frames, *frames]]) / 32_767
    assert LEVEL / 2 < np.abs(sound).max() <= LEVEL
    assert np.abs(np.diff(sound)).max() < LEVEL / 10, "no click, not even at the seam"
    spectrum = np.abs(np.fft.rfft(sound))
    loudest = np.fft.rfftfreq(len(sound), 1 / SPEAKING_RATE)[spectrum > spectrum.max() / 10]
    assert loudest.min() > min(PITCHES) - 5
    assert loudest.max() < max(PITCHES) + 5
