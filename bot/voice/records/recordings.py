"""The recording of a call: begun and ended by people, one at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from bot.voice.events import CallEvent
from bot.voice.input_thread import SoundRecorder
from bot.voice.listening_notice import RECORDING_DROPPED, RECORDING_NOT_HEARD, RECORDING_REFUSED
from bot.voice.notices import Notices
from bot.voice.records.answer_listener import AnswerListener
from bot.voice.records.recorder import CallRecorder, RecordingError, recording_folder
from bot.voice.saying import Saying
from bot.voice.transport import Transport
from bot.voice.turn import Outcome
from wire.parameters import SpeechParameters

_WHY_NOT_SAID: Mapping[Outcome, str] = MappingProxyType(
    {Outcome.REFUSED: RECORDING_REFUSED, Outcome.DISCARDED: RECORDING_DROPPED}
)
ANNOUNCED_AT_MOST = 3
"""How often a recording is announced to people who talk into it."""


class SoundSource(Protocol):
    """Where the sound of a call can be had."""

    recorder: SoundRecorder | None


class Recordings:
    """Keeps the sound of a call while people want it kept. Belongs to the event loop.

    Args:
        recite: says something aloud.
        manner: how the last reply was asked to be spoken.
        data_dir: where each recording has a folder of its own.
        remake: whether it is noted what was answered, so that a better voice can say it again.
    """

    def __init__(
        self,
        sound: SoundSource,
        transport: Transport,
        notices: Notices,
        recite: Callable[[str], Saying],
        manner: Callable[[], SpeechParameters],
        data_dir: Path,
        *,
        remake: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sound = sound
        self._transport = transport
        self._notices = notices
        self._recite = recite
        self._manner = manner
        self._data_dir = data_dir
        self._remake = remake
        self._clock = clock
        self._announced: CallRecorder | None = None
        self._recorder: CallRecorder | None = None
        self._answers: AnswerListener | None = None

    @property
    def recording(self) -> bool:
        """Whether sound is being kept, or people are being told that it will be."""
        return self._announced is not None or (self._recorder is not None and self._recorder.recording)

    async def start(self, written: str, spoken: str) -> None:
        """Tell everyone, in writing and aloud, and keep sound when they have heard it.

        Nothing is kept if :meth:`stop` is called before that, or if people can't be told: what the prompt channel
        raises is raised here.

        Raises:
            RecordingError: sound can't be kept, or people talked into every announcement.
        """
        if self.recording:
            return
        loop = asyncio.get_running_loop()

        def on_end(reason: str) -> None:
            loop.call_soon_threadsafe(self._notices.tell, reason)

        folder = recording_folder(self._data_dir, self._transport.place, datetime.now(UTC))
        recorder = CallRecorder(folder, self._transport.people.name, on_end, clock=self._clock)
        self._announced = recorder
        try:
            # One may have ended by itself.
            await self._close()
            await asyncio.to_thread(recorder.prepare)
            if self._remake:
                # From here on, since an answer may be taken up at the very end of the announcement.
                self._answers = AnswerListener(recorder, self._manner)
            await self._announce(written, spoken)
            if self._announced is recorder:
                recorder.start()
                self._recorder = self._sound.recorder = recorder
        finally:
            kept = self._recorder is recorder
            if self._announced is recorder:
                self._announced = None
                self._answers = self._answers if kept else None
            if not kept:
                await asyncio.to_thread(recorder.discard)

    async def _announce(self, written: str, spoken: str) -> None:
        await self._notices.announce(written)
        outcome = Outcome.INTERRUPTED
        for _ in range(ANNOUNCED_AT_MOST):
            outcome = await self._recite(spoken).played
            if outcome in (Outcome.SPOKEN, Outcome.WRITTEN):
                return
            if outcome is not Outcome.INTERRUPTED:
                break
        raise RecordingError(_WHY_NOT_SAID.get(outcome, RECORDING_NOT_HEARD))

    async def stop(self) -> None:
        """Keep no more, and close the files."""
        self._announced = None
        await self._close()

    async def _close(self) -> None:
        recorder, self._recorder, self._sound.recorder = self._recorder, None, None
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
