"""The recording remaker feature: speaks the answers in recordings again with a better voice, between calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from audio.samples import SPEAKING_RATE, Samples
from bot.features.recording_remaker.recording_copy import RecordingCopy
from bot.features.recording_remaker.sound import (
    end_limit,
    match_loudness,
    max_samples,
    sample_count,
    split_like,
    trim_end,
)
from bot.recorded_answers import ANSWERS_FILE, RECORDINGS_DIR, RecordedAnswer, RecordedAnswers, RecordedAnswersError
from bot.speech_server.errors import UnspeakableError, VoiceAwayError
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)

REMADE = "🎧 The recording's answers have been made again in better quality."
HOLD_SECONDS = 1.0
"""Seconds that a starting call waits for the answer that is being spoken again.

If the answer takes longer, it is stopped, and begun again after the call.
"""
FIRST_PAUSE = 10.0
"""Seconds before the speech server is asked again if it was not reachable. The pause doubles each time."""
MAX_PAUSE = 3_600.0
"""Longest pause before the speech server is asked again, in seconds."""
FASTER_TRIES = 2
"""If an answer's new sound is too long, it is spoken again faster, at most this number of times.

One time may not be enough, because no engine keeps a speed exactly.
"""
_NEAR_ENOUGH = 1.02
"""A sound is spoken again faster only if it is longer than the allowed length times this number."""
_FASTEST = 4.0
"""Highest speed that is requested; 1 is the voice's natural speed."""

Answered = TypeVar("Answered")
PostText = Callable[[int, str], Awaitable[None]]
"""Posts a text in the channel with this id."""


class BetterVoice(Protocol):
    """A client of a voice that is better, but slower, than the voice of calls.

    See :class:`~bot.speech_server.better_speech.BetterSpeech`.
    """

    async def has_better_voice(self) -> bool:
        """Whether there is a better voice than the voice of calls; raises ``VoiceAwayError``."""
        ...

    async def speak_better(self, text: str, parameters: SpeechParameters, rate: int) -> Samples:
        """Speak a text. Returns mono float32 at ``rate`` Hz; raises ``UnspeakableError``, ``VoiceAwayError``."""
        ...


class RecordingRemaker:
    """Remakes recordings. It is paused during a call (:class:`~bot.lease.Lockable`).

    It looks for recordings at the start and after each call, so an interrupted remake begins again after a restart.
    The file of a recording is replaced in one step, after its last answer.

    Args:
        data_dir: the folder that contains the folder of recordings.
        tell: posts a text in a channel.
        sleep: waits the given seconds for an unreachable server. Tests pass their own function.
    """

    name = "remaking of recordings"

    def __init__(
        self,
        data_dir: Path,
        voice: BetterVoice,
        tell: PostText,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._recordings = data_dir / RECORDINGS_DIR
        self._voice = voice
        self._tell = tell
        self._sleep = sleep
        self._gate = WorkGate(self.name, limit=HOLD_SECONDS)
        self._free = asyncio.Event()
        self._free.set()
        self._new_recordings = asyncio.Event()
        self._new_recordings.set()
        self._failed: set[Path] = set()

    async def hold(self, reason: str) -> None:
        """Pause."""
        self._free.clear()
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Resume. The recording of the call that has ended is remade too."""
        await self._gate.release()
        self._free.set()
        self._new_recordings.set()

    async def run(self) -> None:
        """Remake recordings whenever there are new ones, until cancelled."""
        while True:
            await self._new_recordings.wait()
            self._new_recordings.clear()
            for folder in await asyncio.to_thread(_waiting, self._recordings):
                if folder not in self._failed:
                    await self._remake(folder)

    async def _remake(self, folder: Path) -> None:
        try:
            recorded = await asyncio.to_thread(RecordedAnswers.read, folder)
            if not await self._ask(self._voice.has_better_voice):
                _log.warning(
                    "The recording %s stays as it is: the speech server has no better voice (TTS_BETTER_ENGINE)",
                    folder.name,
                )
                return
            made = await self._remake_answers(folder, recorded)
            if made:
                await asyncio.to_thread((folder / ANSWERS_FILE).unlink, missing_ok=True)
        except (RecordedAnswersError, OSError) as error:
            self._failed.add(folder)
            _log.warning("The recording %s stays as it is: %s", folder.name, error)
            return
        _log.info("The recording %s: %d of %d answers were made again", folder.name, made, len(recorded.answers))
        if made:
            await self._tell(recorded.channel, REMADE)
        else:
            # Perhaps the engine can't be loaded now. This recording is tried again at the bot's next start.
            self._failed.add(folder)

    async def _remake_answers(self, folder: Path, recorded: RecordedAnswers) -> int:
        """Make the answers again, and replace the file if at least one was made. Returns the number of answers made."""
        file, made = RecordingCopy(folder), 0
        try:
            await asyncio.to_thread(file.copy)
            for number, answer in enumerate(recorded.answers):
                if answer.text and await self._remake_answer(file, answer, end_limit(recorded, number)):
                    made += 1
            if made:
                await asyncio.to_thread(file.replace_original)
        finally:
            await asyncio.to_thread(file.discard)
        return made

    async def _remake_answer(self, file: RecordingCopy, answer: RecordedAnswer, end: int) -> bool:
        try:
            sound = await self._fitting_sound(answer)
        except UnspeakableError as error:
            _log.warning("An answer keeps its first sound: %s", error)
            return False
        if not await asyncio.to_thread(_replace_sound, file, answer, sound, end):
            _log.info("An answer keeps its first sound: the new one is too long")
            return False
        return True

    async def _fitting_sound(self, answer: RecordedAnswer) -> Samples:
        """The answer's new sound. If it is too long, it is spoken again faster, up to :data:`FASTER_TRIES` times."""
        sound = await self._speak(answer, answer.parameters)
        longest, speed = max_samples(sample_count(answer), sound), answer.parameters.speed or 1.0
        for _ in range(FASTER_TRIES):
            if len(sound) <= longest * _NEAR_ENOUGH:
                break
            # If a preset sets the speed, it is unknown here and taken as 1. Each next speed follows from the length of
            # the last sound, so the second try is right anyway.
            speed = min(speed * len(sound) / longest, _FASTEST)
            sound = await self._speak(answer, replace(answer.parameters, speed=speed))
        return sound

    async def _speak(self, answer: RecordedAnswer, parameters: SpeechParameters) -> Samples:
        sound = trim_end(await self._ask(lambda: self._voice.speak_better(answer.text, parameters, SPEAKING_RATE)))
        if not len(sound):
            raise UnspeakableError("the new sound is silent")
        return sound

    async def _ask(self, ask: Callable[[], Awaitable[Answered]]) -> Answered:
        """Ask the speech server. Waits until no call is active and the server is reachable."""
        pause = FIRST_PAUSE
        while True:
            await self._free.wait()
            try:
                async with self._gate.work():
                    return await ask()
            except (FeatureHeldError, WorkStoppedError):
                continue
            except VoiceAwayError as error:
                _log.warning("Recordings wait %.0f s for the speech server: %s", pause, error)
            await self._sleep(pause)
            pause = min(2 * pause, MAX_PAUSE)


def _waiting(recordings: Path) -> list[Path]:
    """The folders of the recordings with answers that are still to be made again, oldest first."""
    return sorted(file.parent for file in recordings.glob(f"*/{ANSWERS_FILE}"))


def _replace_sound(file: RecordingCopy, answer: RecordedAnswer, sound: Samples, end: int) -> bool:
    """Replace an answer's sound in the file if there is room for the new one. Blocks on the disk."""
    pieces = split_like(match_loudness(file.sound(answer.spans), sound), answer.spans, end)
    if pieces is None:
        return False
    file.replace(answer.spans, pieces)
    return True
