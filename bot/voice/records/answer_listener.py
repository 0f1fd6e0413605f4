"""Notes the bot's answers during a recording, so that a better voice can speak them again later."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.recorded_answers import (
    RecordedAnswer,
    RecordedAnswers,
    RecordedAnswersError,
    Span,
    recorded_samples,
    remove_answers,
)
from bot.text import mentions
from bot.voice.events import CallEvent, PromptTaken, ReplyEnded, UtteranceHeard
from bot.voice.records.recorder import CallRecorder
from bot.voice.turn import Outcome
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Said:
    ended: ReplyEnded
    parameters: SpeechParameters
    person: int | None


class AnswerListener:
    """Notes the answers during one recording. Call it with every event of the call.

    Nothing is noted that belongs to somebody of whom nothing may be kept, or names them.
    Use it only on the event loop, except for :meth:`write_answers`.

    Args:
        recorder: records the call, and knows where each reply is in the bot's file.
        get_parameters: returns the speech parameters of the last reply.
        admits: whether something may be kept of a person (user id).
        attending: returns the names of the people in the call, by user id.
    """

    def __init__(
        self,
        recorder: CallRecorder,
        get_parameters: Callable[[], SpeechParameters],
        admits: Callable[[int], bool],
        attending: Callable[[], Mapping[int, str]],
    ) -> None:
        self._recorder = recorder
        self._get_parameters = get_parameters
        self._admits = admits
        self._attending = attending
        self._begun: dict[str, int | None] = {}
        """The person to whose data each reply belongs."""
        self._said: dict[str, _Said] = {}
        self._names: dict[int, str] = {}
        self._outdated = False

    @property
    def outdated(self) -> bool:
        """Whether somebody or something was forgotten since :meth:`write_answers` began."""
        return self._outdated

    def __call__(self, event: CallEvent) -> None:
        """Handle an event of the call."""
        match event:
            case UtteranceHeard(person, author):
                self._meet({person: author})
            case PromptTaken(reply, author, person=person):
                # Replies that began before the recording are not noted, since the file has only their end.
                if event.asker is None or self._admits(event.asker):
                    self._begun[reply] = event.asker
                if person is not None:
                    self._meet({person: author})
            case ReplyEnded(trace) if trace.reply in self._begun and self._recorder.recording:
                # Answers that were spoken to the end, or until a person interrupted them, can be spoken again by a
                # better voice. The others were not spoken, or their remaining text was written in the channel instead.
                if trace.outcome in (Outcome.SPOKEN, Outcome.INTERRUPTED):
                    self._meet(self._attending())
                    self._said[trace.reply] = _Said(event, self._get_parameters(), self._begun[trace.reply])
            case _:
                pass

    def _meet(self, people: Mapping[int, str]) -> None:
        # The dict is replaced as a whole and never modified, because another thread may be writing the answers.
        if not people.items() <= self._names.items():
            self._names = {**self._names, **people}

    def forget(self, person: int) -> None:
        """Drop the texts of the answers to a person, also of the one that is being spoken, and texts that name them."""
        for reply in [reply for reply, answered in self._begun.items() if answered == person]:
            del self._begun[reply]
            self._said.pop(reply, None)
        if (name := self._names.get(person)) is not None:
            self._drop(lambda text: mentions(text, name))
        self._outdated = True

    def forget_words(self, has: Callable[[str], bool]) -> None:
        """Drop the texts with words that are to be forgotten. ``has`` tells whether a text has such words."""
        self._drop(has)
        self._outdated = True

    def _drop(self, has: Callable[[str], bool]) -> None:
        for reply in [reply for reply, said in self._said.items() if has(said.ended.heard)]:
            del self._said[reply]

    def write_answers(self, channel: int) -> None:
        """Write the answers into the folder of the closed recording, if there are answers. Blocks: it writes a file.

        An older file is replaced; if that is not possible, it is deleted, for it may have what was forgotten.

        Args:
            channel: id of the prompt channel, where people are notified of the remade recording.
        """
        # Somebody may be forgotten at any moment, on the event loop. Whoever calls this looks at `outdated` afterwards.
        self._outdated = False
        answers = tuple(self._answer(reply, spans) for reply, spans in self._recorder.spans.items())
        folder = self._recorder.folder
        try:
            if any(answer.text for answer in answers):
                RecordedAnswers(channel, recorded_samples(folder), answers).write(folder)
                return
        except (RecordedAnswersError, OSError) as error:
            _log.warning("The answers in %s can't be spoken again by a better voice: %s", folder.name, error)
        try:
            remove_answers(folder)
        except OSError as error:
            _log.error("The answers in %s can't be deleted: %s", folder.name, error)

    def _answer(self, reply: str, spans: tuple[Span, ...]) -> RecordedAnswer:
        if (said := self._said.get(reply)) is None:
            return RecordedAnswer(spans)
        heard = said.ended.heard
        named = tuple(person for person, name in self._names.items() if mentions(heard, name))
        if not all(map(self._admits, {*named, *(() if said.person is None else (said.person,))})):
            return RecordedAnswer(spans)
        return RecordedAnswer(spans, heard, said.ended.interrupted, said.parameters, said.person, named)
