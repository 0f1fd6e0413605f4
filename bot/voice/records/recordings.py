"""Recordings of a call: people start and stop them; only one runs at a time, and each is announced first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from bot.llm.spoken_lines import Announcement
from bot.voice.events import CallEvent
from bot.voice.input_processor import SoundRecorder
from bot.voice.listening_notice import RECORDING_DROPPED, RECORDING_NOT_HEARD, RECORDING_REFUSED
from bot.voice.notices import Notices
from bot.voice.prompt_handles import PromptHandle
from bot.voice.records.announcing import HEARD, announce_until_heard
from bot.voice.records.answer_listener import AnswerListener
from bot.voice.records.recorder import CallRecorder, RecordingError, recording_folder
from bot.voice.transport import Transport
from bot.voice.turn import Outcome
from wire.parameters import SpeechParameters

_WHY_NOT_SAID: Mapping[Outcome, str] = MappingProxyType(
    {Outcome.REFUSED: RECORDING_REFUSED, Outcome.DISCARDED: RECORDING_DROPPED}
)


class SoundSource(Protocol):
    """The part of the input processor that recordings need. It passes all sound to ``recorder``, if one is set."""

    recorder: SoundRecorder | None


class Recordings:
    """Starts and stops the recordings of one call. Use it only on the event loop.

    Args:
        sound: passes the call's sound to the recorder.
        call: the id of the call.
        transport: has the names of people, the place of the call and its prompt channel.
        notices: writes into the prompt channel.
        recite: speaks a text.
        aloud: returns a spoken announcement, in the language of the call.
        get_parameters: returns the speech parameters of the last reply.
        data_dir: the folder in which each recording gets a folder of its own.
        admits: whether something may be kept of a person (user id). May be called from any thread.
        remake: whether the texts of the bot's answers are saved, so that a better voice can speak them again later.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        sound: SoundSource,
        call: str,
        transport: Transport,
        notices: Notices,
        recite: Callable[[str], PromptHandle],
        aloud: Callable[[Announcement], str],
        get_parameters: Callable[[], SpeechParameters],
        data_dir: Path,
        admits: Callable[[int], bool],
        *,
        remake: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sound = sound
        self._call = call
        self._transport = transport
        self._notices = notices
        self._recite = recite
        self._aloud = aloud
        self._get_parameters = get_parameters
        self._data_dir = data_dir
        self._admits = admits
        self._remake = remake
        self._clock = clock
        self._announced: CallRecorder | None = None
        self._recorder: CallRecorder | None = None
        self._answers: AnswerListener | None = None
        self._closing: tuple[CallRecorder, AnswerListener | None] | None = None

    @property
    def on(self) -> bool:
        """Whether the call is being recorded, or a recording is being announced."""
        return self._announced is not None or (self._recorder is not None and self._recorder.recording)

    async def start(self, written: str) -> None:
        """Announce a recording, in writing and aloud, and start it when the announcement was spoken.

        Nothing is recorded if :meth:`stop` is called before the end of the announcement. If the written
        announcement can't be posted, its exception is raised and nothing is recorded.

        Args:
            written: the text for the prompt channel.

        Raises:
            RecordingError: recording is not possible, or people could not hear the announcement.
        """
        if self.on:
            return
        loop = asyncio.get_running_loop()

        def on_end(reason: str) -> None:
            loop.call_soon_threadsafe(self._notices.tell, reason)

        folder = recording_folder(self._data_dir, self._transport.place, self._call, datetime.now(UTC))
        recorder = CallRecorder(folder, self._transport.people.name, on_end, clock=self._clock)
        self._announced = recorder
        try:
            # An earlier recording may have ended by itself, and may not be closed yet.
            await self._close()
            await asyncio.to_thread(recorder.prepare)
            if self._remake:
                # The listener is created before the announcement, because the bot's next answer may begin at the moment
                # at which the announcement ends.
                self._answers = AnswerListener(
                    recorder, self._get_parameters, self._admits, self._transport.people.attending
                )
            await self._announce(written)
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

    async def _announce(self, written: str) -> None:
        spoken = self._aloud(Announcement.RECORDING_BEGAN)
        await self._notices.announce(written)
        outcome = await announce_until_heard(self._recite, spoken)
        if outcome not in HEARD:
            raise RecordingError(_WHY_NOT_SAID.get(outcome, RECORDING_NOT_HEARD))

    async def stop(self) -> None:
        """End the recording and close its files."""
        self._announced = None
        await self._close()

    async def _close(self) -> None:
        recorder, self._recorder, self._sound.recorder = self._recorder, None, None
        answers, self._answers = self._answers, None
        if recorder is not None:
            self._closing = recorder, answers
            await asyncio.to_thread(recorder.close)
            if answers is not None:
                await asyncio.to_thread(answers.write_answers, self._transport.prompts.id)
                # Somebody may have been forgotten while the file was being written.
                while answers.outdated:
                    await asyncio.to_thread(answers.write_answers, self._transport.prompts.id)
            self._closing = None

    def note(self, event: CallEvent) -> None:
        """Pass an event of the call to the listener that notes the bot's answers."""
        if self._answers is not None:
            self._answers(event)

    def forget(self, person: int) -> None:
        """Delete the recorded sound of a person who does not want to be listened to any more, and the texts of the
        answers to that person; also of the recording that is being closed.
        """
        # The texts come first, because a file of sound that can't be deleted raises an error.
        for each in (self._answers, *reversed(self._closing or ()), self._recorder):
            if each is not None:
                each.forget(person)

    def forget_words(self, has: Callable[[str], bool]) -> None:
        """Delete the texts of answers with words that are to be forgotten. ``has`` tells whether a text has such
        words.
        """
        _, closing = self._closing or (None, None)
        for each in (self._answers, closing):
            if each is not None:
                each.forget_words(has)
