"""The recording of a call: begun and ended by people, one at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from bot.voice.ear import SoundKeeper
from bot.voice.events import CallEvent
from bot.voice.ports import Teller
from bot.voice.records.answer_listener import AnswerListener
from bot.voice.records.recorder import CallRecorder, recording_folder
from bot.voice.transport import Transport
from wire.parameters import SpeechParameters


class SoundOfACall(Protocol):
    """Where the sound of a call can be had."""

    keeper: SoundKeeper | None


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """Where recordings go, and whether it is noted what was answered, so that a better voice can say it again."""

    data_dir: Path
    remake: bool = False


class Recordings:
    """Keeps the sound of a call while people want it kept. Belongs to the event loop.

    Args:
        manner: how the last reply was asked to be spoken.
    """

    def __init__(
        self,
        sound: SoundOfACall,
        transport: Transport,
        notices: Teller,
        manner: Callable[[], SpeechParameters],
        options: RecordingOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sound = sound
        self._transport = transport
        self._notices = notices
        self._manner = manner
        self._options = options
        self._clock = clock
        self._recorder: CallRecorder | None = None
        self._answers: AnswerListener | None = None

    @property
    def recording(self) -> bool:
        """Whether sound is being kept."""
        return self._recorder is not None and self._recorder.recording

    async def start(self) -> None:
        """Keep sound from now on; raises :class:`~bot.voice.records.recorder.RecordingError`."""
        if self.recording:
            return
        # One may have ended by itself.
        await self.stop()
        loop = asyncio.get_running_loop()

        def on_end(reason: str) -> None:
            loop.call_soon_threadsafe(self._notices.tell, reason)

        folder = recording_folder(self._options.data_dir, self._transport.place, datetime.now(UTC))
        recorder = CallRecorder(folder, self._transport.people.name, on_end, clock=self._clock)
        await asyncio.to_thread(recorder.start)
        self._recorder = self._sound.keeper = recorder
        if self._options.remake:
            self._answers = AnswerListener(recorder, self._manner)

    async def stop(self) -> None:
        """Keep no more, and close the files."""
        recorder, self._recorder, self._sound.keeper = self._recorder, None, None
        answers, self._answers = self._answers, None
        if recorder is not None:
            await asyncio.to_thread(recorder.close)
        if answers is not None:
            await asyncio.to_thread(answers.write_notes, self._transport.prompts.id)

    def note(self, event: CallEvent) -> None:
        """Take what has happened in the call, for what is kept of it."""
        if self._answers is not None:
            self._answers(event)

    def forget(self, person: int) -> None:
        """Delete what is kept of somebody who does not want to be listened to."""
        if self._recorder is not None:
            self._recorder.forget(person)
