"""The interface of transcribers, the queue of their requests, and the usual languages of speakers.

A transcriber turns the sound of a turn into text. A turn is what one person says until they have finished.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from audio.samples import HEARING_RATE, Sound16
from bot.metering import NOBODY, Account
from bot.voice.transcribe.hallucinations import LANGUAGE_DETECTION_SECONDS


class Urgency(IntEnum):
    """The urgency of a request.

    A transcriber with too many requests drops the least urgent one. If several are equally urgent, it drops the oldest
    of them. Final requests are never dropped.
    """

    ONLY_IF_IDLE = 0
    """The turn still goes on. The transcript is dropped at once if the transcriber has anything else to do."""
    INTERIM = 1
    """The turn still goes on. Its transcript shows whether the person has said any words so far."""
    SPECULATION = 2
    """The person pauses, so the turn may be over."""
    FINAL = 3
    """The turn is over."""


@dataclass(frozen=True, slots=True, eq=False)
class TranscriptionRequest:
    """Sound to be transcribed.

    Attributes:
        sound: the sound of the turn: mono, 16,000 Hz.
        urgency: urgency of the request.
        hot_words: names and terms that are likely to be said.
        language: Whisper's code for the usual language of the speaker. It is used if the sound is too short to detect
            the language.
        call: id of the call; empty outside of calls. Calls are served in turn.
        word_times: whether the time of each word is wanted. That takes longer, so calls don't ask for it.
        account: the place and the person to whom the transcription is charged.
    """

    sound: Sound16
    urgency: Urgency
    hot_words: tuple[str, ...] = ()
    language: str | None = None
    word_times: bool = False
    account: Account = NOBODY
    call: str = ""

    @property
    def seconds(self) -> float:
        """Duration of the sound."""
        return len(self.sound) / HEARING_RATE

    @property
    def hint(self) -> str | None:
        """The hot words as a sentence for Whisper; ``None`` if there are none.

        Whisper treats the hint as the text before the sound, and continues in the style of the hint. If the hint had no
        full stop, many sentences of the transcript would have none either.
        """
        return ", ".join(self.hot_words) + "." if self.hot_words else None


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word, and when it was said, in seconds from the beginning of the sound."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """The transcript of a turn.

    Attributes:
        text: the words; empty if nothing was said.
        language: Whisper's code for the language, such as "de"; ``None`` if it is not known.
        delay: seconds from the request to the transcript, including the wait in the queue.
        language_probability: probability of the language, 0 to 1; ``None`` if it is not known.
        words: the words as they were recognised, if their times were asked for and can be measured. The filter
            of hallucinations and the corrections change only the text, not these words.
    """

    text: str
    language: str | None = None
    delay: float = 0.0
    language_probability: float | None = None
    words: tuple[TimedWord, ...] = ()


class TranscriptionError(Exception):
    """The sound could not be transcribed. The text says why, for people."""


class SoundRefusedError(TranscriptionError):
    """The server refused this sound, or the fields of this request. It may well transcribe the next sound."""


class TranscriptionLimitError(TranscriptionError):
    """The recogniser costs money, and was not asked, because today's limit is reached."""


class TranscriptionShed(TranscriptionError):  # noqa: N818
    """A request that is not final was dropped: other requests were more urgent, or the transcriber failed.

    Nothing is lost: when the turn is over, the caller makes a final request.
    """


class Transcriber(Protocol):
    """A service that turns speech into text. Use it on the event loop. A transcription may be cancelled at any time."""

    async def warm_up(self) -> None:
        """Load everything, so that the next request is served at once; raises :class:`TranscriptionError`."""
        ...

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        """Transcribe a turn; raises :class:`TranscriptionError`."""
        ...

    async def release_memory(self) -> None:
        """Release memory, at once or after some time. The bot asks for this when no voice call is active."""
        ...

    async def close(self) -> None:
        """End everything that the transcriber has started."""
        ...

    async def problem(self) -> str | None:
        """The reason for which the transcriber can't be used now, in words for people; ``None`` if it can be used.

        This check loads no model.
        """
        ...

    def describe(self) -> str:
        """The transcriber's model and the place where it runs, in words for people."""
        ...


MAX_WAITING = 4
"""If more requests of a call than this wait in a queue, the least urgent one is dropped."""
MAX_REMEMBERED = 64
"""A queue remembers the order in which it last served this many calls."""


@dataclass(eq=False, slots=True)
class TranscriptionJob:
    """A request in a queue.

    Attributes:
        request: the request.
        answer: future of the transcript.
        asked_at: time of the request, in monotonic seconds.
        attempts: number of times that the request was begun.
    """

    request: TranscriptionRequest
    answer: asyncio.Future[Transcript]
    asked_at: float
    attempts: int = 0


class TranscriptionQueue:
    """The requests that wait for a transcriber. Use it on the event loop.

    Calls with equally urgent requests are served in turn: first the call that was served longest ago. So a call
    in which much is said does not hold up the others.

    If more than :data:`MAX_WAITING` requests of a call wait, the oldest of its least urgent ones is dropped. Final
    requests are never dropped. A request of the lowest urgency is dropped at once if another request waits or is being
    processed.
    """

    def __init__(self) -> None:
        self._served: OrderedDict[str, None] = OrderedDict()
        """The calls, in the order in which they were served last."""
        self._waiting: list[TranscriptionJob] = []
        self._begun: list[TranscriptionJob] = []
        self._more = asyncio.Event()

    def add(self, job: TranscriptionJob) -> None:
        """Queue a job.

        If too many jobs of its call wait, the oldest of the least urgent ones is dropped. That can be this job.
        """
        self._drop_cancelled()
        if job.request.urgency is Urgency.ONLY_IF_IDLE and (self._waiting or self._begun):
            _drop(job)
            return
        self._waiting.append(job)
        while len(own := [each for each in self._waiting if each.request.call == job.request.call]) > MAX_WAITING:
            least = min(own, key=lambda waiting: waiting.request.urgency)
            if least.request.urgency is Urgency.FINAL:
                break
            self._waiting.remove(least)
            _drop(least)
        self._more.set()

    def put_back(self, job: TranscriptionJob) -> None:
        """Queue a job again after it has failed. It comes before the other jobs of its call with the same urgency."""
        self._waiting.insert(0, job)
        self._more.set()

    async def next(self) -> TranscriptionJob:
        """Wait for a job; remove and return the most urgent one.

        If several are equally urgent, the call that was served longest ago comes first, with its first waiting job.
        """
        while True:
            self._drop_cancelled()
            if self._waiting:
                urgency, order = max(job.request.urgency for job in self._waiting), list(self._served)
                urgent = [job for job in self._waiting if job.request.urgency is urgency]
                job = min(urgent, key=lambda one: order.index(one.request.call) if one.request.call in order else -1)
                self._note_served(job.request.call)
                self._waiting.remove(job)
                self._begun.append(job)
                return job
            self._more.clear()
            await self._more.wait()

    def _note_served(self, call: str) -> None:
        self._served[call] = None
        self._served.move_to_end(call)
        if len(self._served) > MAX_REMEMBERED:
            self._served.popitem(last=False)

    def drop_all_but_final(self) -> None:
        """Drop all waiting jobs that are not final."""
        for job in [waiting for waiting in self._waiting if waiting.request.urgency is not Urgency.FINAL]:
            self._waiting.remove(job)
            _drop(job)

    def fail(self, error: Exception) -> None:
        """Fail all waiting jobs with ``error``."""
        for job in self._waiting:
            if not job.answer.done():
                job.answer.set_exception(error)
        self._waiting.clear()

    def _drop_cancelled(self) -> None:
        self._waiting = [job for job in self._waiting if not job.answer.done()]
        self._begun = [job for job in self._begun if not job.answer.done()]


def _drop(job: TranscriptionJob) -> None:
    """Let the caller of a dropped job get :class:`TranscriptionShed`."""
    if not job.answer.done():
        job.answer.set_exception(TranscriptionShed("There was too much to listen to at once."))


MIN_LANGUAGE_PROBABILITY = 0.8
"""A language becomes a person's usual language if its probability is at least this, or is not known."""


class UsualLanguages:
    """The usual languages of the people in one call, by user id."""

    def __init__(self) -> None:
        self._languages: dict[int, str] = {}

    def of(self, person: int) -> str | None:
        """Whisper's code for the usual language of a person; ``None`` if it is not known."""
        return self._languages.get(person)

    def learn(self, person: int, transcript: Transcript, seconds: float) -> None:
        """Learn the language of a transcript, if the sound was long enough and the language is certain.

        Args:
            person: user id of the speaker.
            transcript: transcript of their turn.
            seconds: duration of the turn's sound.
        """
        sure = transcript.language_probability is None or transcript.language_probability >= MIN_LANGUAGE_PROBABILITY
        if transcript.language is not None and transcript.text and sure and seconds >= LANGUAGE_DETECTION_SECONDS:
            self._languages[person] = transcript.language
