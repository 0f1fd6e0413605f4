"""Notes the bot's answers during a recording, so that a better voice can speak them again later."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bot.recorded_answers import RecordedAnswer, RecordedAnswers, RecordedAnswersError, Span, recorded_samples
from bot.voice.events import CallEvent, PromptTaken, ReplyEnded
from bot.voice.records.recorder import CallRecorder
from bot.voice.turn import Outcome
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)


class AnswerListener:
    """Notes the answers during one recording. Call it with every event of the call.

    Use it only on the event loop, except for :meth:`write_answers`.

    Args:
        recorder: records the call, and knows where each reply is in the bot's file.
        get_parameters: returns the speech parameters of the last reply.
    """

    def __init__(self, recorder: CallRecorder, get_parameters: Callable[[], SpeechParameters]) -> None:
        self._recorder = recorder
        self._get_parameters = get_parameters
        self._begun: dict[str, int | None] = {}
        """The person to whom each reply is an answer."""
        self._said: dict[str, tuple[ReplyEnded, SpeechParameters, int | None]] = {}

    def __call__(self, event: CallEvent) -> None:
        """Handle an event of the call."""
        match event:
            case PromptTaken(reply, person=person):
                # Replies that began before the recording are not noted, since the file has only their end.
                self._begun[reply] = person
            case ReplyEnded(trace) if trace.reply in self._begun and self._recorder.recording:
                # Answers that were spoken to the end, or until a person interrupted them, can be spoken again by a
                # better voice. The others were not spoken, or their remaining text was written in the channel instead.
                if trace.outcome in (Outcome.SPOKEN, Outcome.INTERRUPTED):
                    self._said[trace.reply] = (event, self._get_parameters(), self._begun[trace.reply])
            case _:
                pass

    def forget(self, person: int) -> None:
        """Drop the texts of the answers to a person, also of the one that is being spoken."""
        for reply in [reply for reply, answered in self._begun.items() if answered == person]:
            del self._begun[reply]
            self._said.pop(reply, None)

    def write_answers(self, channel: int) -> None:
        """Write the answers into the folder of the closed recording, if there are answers. Blocks: it writes a file.

        Args:
            channel: id of the prompt channel, where people are notified of the remade recording.
        """
        answers = tuple(self._answer(reply, spans) for reply, spans in self._recorder.spans.items())
        if not any(answer.text for answer in answers):
            return
        folder = self._recorder.folder
        try:
            RecordedAnswers(channel, recorded_samples(folder), answers).write(folder)
        except (RecordedAnswersError, OSError) as error:
            _log.warning("The answers in %s can't be spoken again by a better voice: %s", folder.name, error)

    def _answer(self, reply: str, spans: tuple[Span, ...]) -> RecordedAnswer:
        # Somebody may be forgotten at this moment, on the event loop.
        if (said := self._said.get(reply)) is None:
            return RecordedAnswer(spans)
        ended, parameters, person = said
        return RecordedAnswer(spans, ended.heard, ended.interrupted, parameters, person)
