"""Recordings' answers are made again by a better voice, in the background, between calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from audio.samples import SPEAKING_RATE, Samples
from bot.features.recording_remaker.remade_file import RemadeFile
from bot.features.recording_remaker.sound import as_loud_as, goal, lay, length, room_ends, without_tail
from bot.recording_notes import NOTES_FILE, RECORDINGS_DIR, NotesError, RecordedAnswer, RecordingNotes
from bot.speech_server.errors import UnspeakableError, VoiceAwayError
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)

REMADE = "🎧 The recording's answers have been made again in better quality."
HOLD_SECONDS = 1.0
"""How long a call waits for the answer that is being made; what is not made by then is begun anew afterwards."""
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 3_600.0
"""Seconds until the speech server is asked again where it was away; the pause doubles each time."""
FASTER_TRIES = 2
"""How often an answer that is too long is asked for faster: no engine keeps to a speed exactly."""
_NEAR_ENOUGH = 1.02
_FASTEST = 4.0

Answered = TypeVar("Answered")
Tell = Callable[[int, str], Awaitable[None]]
"""Writes a text in the channel with this id."""


class AnswerVoice(Protocol):
    """What says answers again; see :class:`~bot.speech_server.client.SpeechServerClient`."""

    async def has_better_voice(self) -> bool:
        """Whether there is a better voice than the one of calls; raises ``VoiceAwayError``."""
        ...

    async def speak_better(self, text: str, parameters: SpeechParameters, rate: int) -> Samples:
        """Speak a text, at ``rate`` in hertz; raises ``UnspeakableError``, ``VoiceAwayError``."""
        ...


class RecordingRemaker:
    """A ``Lockable`` of the lease: a call pauses it between two answers.

    It looks for recordings when it begins and after each call, so what a restart has cut short is done again. Until all
    answers of a recording are made its file stays as it is, and it is replaced at once.

    Args:
        data_dir: where the recordings are kept.
        sleep: how to wait for a server that is away; injected, so that tests need not.
    """

    name = "remaking of recordings"

    def __init__(
        self,
        data_dir: Path,
        voice: AnswerVoice,
        tell: Tell,
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
        self._look = asyncio.Event()
        self._look.set()
        self._left: set[Path] = set()

    async def hold(self, reason: str) -> None:
        """Leave the engines alone."""
        self._free.clear()
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Go on, with what the call has left to do as well."""
        await self._gate.release()
        self._free.set()
        self._look.set()

    async def run(self) -> None:
        """Make answers again whenever there are some, until cancelled."""
        while True:
            await self._look.wait()
            self._look.clear()
            for folder in await asyncio.to_thread(_waiting, self._recordings):
                if folder not in self._left:
                    await self._remake(folder)

    async def _remake(self, folder: Path) -> None:
        try:
            notes = await asyncio.to_thread(RecordingNotes.read, folder)
            if not await self._ask(self._voice.has_better_voice):
                _log.warning(
                    "%s stays as it is: the speech server has no better voice (TTS_BETTER_ENGINE)", folder.name
                )
                return
            made = await self._remake_answers(folder, notes)
            if made:
                await asyncio.to_thread((folder / NOTES_FILE).unlink, missing_ok=True)
        except (NotesError, OSError) as error:
            self._left.add(folder)
            _log.warning("%s stays as it is: %s", folder.name, error)
            return
        _log.info("%s: %d of %d answers were made again", folder.name, made, len(notes.answers))
        if made:
            await self._tell(notes.channel, REMADE)
        else:
            # Perhaps the engine can't be loaded now; what is not better is tried once each time the bot runs.
            self._left.add(folder)

    async def _remake_answers(self, folder: Path, notes: RecordingNotes) -> int:
        """Replace the file if any answer can be made again; returns how many."""
        file, made = RemadeFile(folder), 0
        try:
            await asyncio.to_thread(file.copy)
            for number, answer in enumerate(notes.answers):
                if answer.text and await self._remake_answer(file, answer, room_ends(notes, number)):
                    made += 1
            if made:
                await asyncio.to_thread(file.take_place)
        finally:
            await asyncio.to_thread(file.discard)
        return made

    async def _remake_answer(self, file: RemadeFile, answer: RecordedAnswer, end: int) -> bool:
        try:
            sound = await self._fitting_sound(answer)
        except UnspeakableError as error:
            _log.warning("An answer keeps its first sound: %s", error)
            return False
        if not await asyncio.to_thread(_put, file, answer, sound, end):
            _log.info("An answer keeps its first sound: the new one is too long")
            return False
        return True

    async def _fitting_sound(self, answer: RecordedAnswer) -> Samples:
        """The answer's new sound, no longer than it was, as far as it may be hurried."""
        sound = await self._say(answer, answer.parameters)
        longest, speed = goal(length(answer), sound), answer.parameters.speed or 1.0
        for _ in range(FASTER_TRIES):
            if len(sound) <= longest * _NEAR_ENOUGH:
                break
            # The speed that it had may be a preset's; what comes back shows how much is missing still.
            speed = min(speed * len(sound) / longest, _FASTEST)
            sound = await self._say(answer, replace(answer.parameters, speed=speed))
        return sound

    async def _say(self, answer: RecordedAnswer, parameters: SpeechParameters) -> Samples:
        sound = without_tail(await self._ask(lambda: self._voice.speak_better(answer.text, parameters, SPEAKING_RATE)))
        if not len(sound):
            raise UnspeakableError("there is nothing to hear in the new one")
        return sound

    async def _ask(self, ask: Callable[[], Awaitable[Answered]]) -> Answered:
        """Ask the speech server, as soon as there is no call and it can be asked."""
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
            pause = min(2 * pause, LONGEST_PAUSE)


def _waiting(recordings: Path) -> list[Path]:
    """The folders of the recordings that have answers to be made again, the oldest first."""
    return sorted(notes.parent for notes in recordings.glob(f"*/{NOTES_FILE}"))


def _put(file: RemadeFile, answer: RecordedAnswer, sound: Samples, end: int) -> bool:
    """Put an answer's new sound into its place, if there is room for it. Blocks."""
    pieces = lay(as_loud_as(file.sound(answer.spans), sound), answer.spans, end)
    if pieces is None:
        return False
    file.replace(answer.spans, pieces)
    return True
