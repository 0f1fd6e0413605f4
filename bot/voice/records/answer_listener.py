"""Takes down what the bot answers while a recording is made, so that a better voice can say it again."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bot.recording_notes import NotesError, RecordedAnswer, RecordingNotes, Span, recorded_samples
from bot.voice.events import CallEvent, PromptTaken, ReplyEnded
from bot.voice.records.recorder import CallRecorder
from bot.voice.turn import Outcome
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)


class AnswerListener:
    """Takes down what is answered while a recording is made; it has to be given every event of the call.

    Belongs to the event loop, but for :meth:`write_notes`.

    Args:
        manner: how the last reply was asked to be spoken.
    """

    def __init__(self, recorder: CallRecorder, manner: Callable[[], SpeechParameters]) -> None:
        self._recorder = recorder
        self._manner = manner
        self._begun: set[str] = set()
        self._said: dict[str, tuple[ReplyEnded, SpeechParameters]] = {}

    def __call__(self, event: CallEvent) -> None:
        """Take an event."""
        match event:
            case PromptTaken(reply):
                # Of one that began to sound before the recording, only the end is in the file.
                self._begun.add(reply)
            case ReplyEnded(trace) if trace.reply in self._begun and self._recorder.recording:
                # What was written, for want of a voice, was not said.
                if trace.outcome in (Outcome.SPOKEN, Outcome.INTERRUPTED):
                    self._said[trace.reply] = (event, self._manner())
            case _:
                pass

    def write_notes(self, channel: int) -> None:
        """Put the notes beside the recording, which is closed, if there is anything to say again. Blocks for the disk.

        Args:
            channel: see :class:`RecordingNotes`.
        """
        answers = tuple(self._answer(reply, spans) for reply, spans in self._recorder.spans.items())
        if not any(answer.text for answer in answers):
            return
        folder = self._recorder.folder
        try:
            RecordingNotes(channel, recorded_samples(folder), answers).write(folder)
        except (NotesError, OSError) as error:
            _log.warning("The answers in %s can't be made again: %s", folder.name, error)

    def _answer(self, reply: str, spans: tuple[Span, ...]) -> RecordedAnswer:
        if reply not in self._said:
            return RecordedAnswer(spans)
        ended, parameters = self._said[reply]
        return RecordedAnswer(spans, ended.heard, ended.interrupted, parameters)
