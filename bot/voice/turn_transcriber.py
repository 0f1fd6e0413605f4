"""Transcribes the sound of turns, and tells people if that fails."""

from __future__ import annotations

import logging
from collections.abc import Callable

from audio.samples import Sound16
from bot.metering import THE_BOT, Account
from bot.voice.open_turn import OpenTurn
from bot.voice.ports import NoticeWriter, Participants, UtteranceClassifier
from bot.voice.transcribe.transcriber import (
    Transcriber,
    TranscriptionError,
    TranscriptionLimitError,
    TranscriptionRequest,
    Urgency,
    UsualLanguages,
)

_log = logging.getLogger(__name__)

NOT_UNDERSTOOD = "🙉 I can't make out what you say: {cause} You can still type to me."
MAX_NAMES = 20
"""Maximum number of names that the transcriber gets as likely words. More names would only mislead the transcriber."""
FAILURE_NOTICE_INTERVAL = 10.0
"""While transcriptions keep failing, people get at most one notice in this many seconds."""


class TurnTranscriber:
    """Transcribes the sound of one call's turns. Use it only on the event loop.

    The transcriber is given the names of the people and of the bot, and each person's usual language.

    Args:
        transcriber: transcribes any sound.
        people: knows people's names.
        classifier: knows the bot's names.
        notices: shows people why speech could not be transcribed.
        clock: returns monotonic seconds.
        place: id of the place to which transcriptions are charged.
        limited: called once, when people are told that today's limit is reached.
        lost: called when people are told that speech was lost for another reason.
    """

    def __init__(
        self,
        transcriber: Transcriber,
        people: Participants,
        classifier: UtteranceClassifier,
        notices: NoticeWriter,
        clock: Callable[[], float],
        place: int = THE_BOT,
        limited: Callable[[], object] = lambda: None,
        lost: Callable[[], object] = lambda: None,
    ) -> None:
        self._transcriber = transcriber
        self._people = people
        self._classifier = classifier
        self._notices = notices
        self._clock = clock
        self._place = place
        self._limited = limited
        self._lost = lost
        self._languages = UsualLanguages()
        self._failure_reported_at: float | None = None
        self._limit_told = False

    async def warm_up(self) -> None:
        """Load the transcriber. If that fails, people are told."""
        try:
            await self._transcriber.warm_up()
        except TranscriptionLimitError as error:
            self.report_failure(error)
        except TranscriptionError as error:
            _log.error("The speech of people can't be transcribed: %s", error)
            self._notices.tell(NOT_UNDERSTOOD.format(cause=error))

    def usual_language(self, person: int) -> str | None:
        """The language that a person usually speaks, as Whisper's code; ``None`` if it is not known yet."""
        return self._languages.of(person)

    async def words(self, turn: OpenTurn, sound: Sound16, urgency: Urgency) -> str:
        """Transcribe sound of a turn; raises :class:`TranscriptionError`."""
        person = turn.id.person
        names = (*self._classifier.own_names, *self._people.names())[:MAX_NAMES]
        account = Account(self._place, person)
        request = TranscriptionRequest(sound, urgency, names, self._languages.of(person), account=account)
        transcript = await self._transcriber.transcribe(request)
        self._failure_reported_at = None
        self._languages.learn(person, transcript, request.seconds)
        text = transcript.text.strip()
        if text:
            turn.language = transcript.language
        return text

    async def final_words(self, turn: OpenTurn, sound: Sound16) -> str:
        """Transcribe sound whose words are needed. If that fails, people are told, and the text is empty."""
        try:
            return await self.words(turn, sound, Urgency.FINAL)
        except TranscriptionError as error:
            self.report_failure(error)
            return ""

    def report_failure(self, error: TranscriptionError) -> None:
        """Tell people that speech was lost.

        They are not told again within :data:`FAILURE_NOTICE_INTERVAL` seconds, unless speech was transcribed meanwhile.
        They are told only once in a call that today's limit is reached.
        """
        _log.warning("Could not transcribe: %s", error)
        if isinstance(error, TranscriptionLimitError):
            if not self._limit_told:
                self._limit_told = True
                self._notices.tell(NOT_UNDERSTOOD.format(cause=error))
                self._limited()
            return
        now = self._clock()
        if self._failure_reported_at is None or now - self._failure_reported_at >= FAILURE_NOTICE_INTERVAL:
            self._failure_reported_at = now
            self._notices.tell(NOT_UNDERSTOOD.format(cause=error))
            self._lost()
