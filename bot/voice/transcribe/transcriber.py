"""The interface of every transcriber, the queue in which requests wait for one, and the usual languages of speakers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from audio.samples import HEARING_RATE, Sound16
from bot.voice.transcribe.hallucinations import TELLING_SECONDS


class Urgency(IntEnum):
    """What a slow transcriber drops first: the lowest, and of those the oldest. Final turns are never dropped."""

    INTERIM = 0
    """A turn that still goes on: are there words in it?"""
    SPECULATION = 1
    """A turn that may be over."""
    FINAL = 2
    """A turn that is over."""


@dataclass(frozen=True, slots=True, eq=False)
class TranscriptionRequest:
    """Sound to be transcribed. ``hot_words`` are names and terms that are likely to be said.

    ``language`` is what the speaker usually speaks, as Whisper's code: it decides where the sound can't tell.
    """

    sound: Sound16
    urgency: Urgency
    hot_words: tuple[str, ...] = ()
    language: str | None = None

    @property
    def seconds(self) -> float:
        """How long the sound is."""
        return len(self.sound) / HEARING_RATE


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said; ``text`` is empty where nothing was. ``seconds`` is how long it took, queueing included.

    ``language`` is Whisper's code, where it is known; ``language_probability`` how likely it is, where that is told.
    """

    text: str
    language: str | None = None
    seconds: float = 0.0
    language_probability: float | None = None


class TranscriptionError(Exception):
    """The sound could not be transcribed; the text says why, for people."""


class TranscriptionShed(TranscriptionError):  # noqa: N818
    """Speculation was given up, in favour of other requests or because it failed: ask again if the turn is over."""


class Transcriber(Protocol):
    """Speech to text. Belongs to the event loop; a call that is cancelled is dropped, or its result is."""

    async def warm_up(self) -> None:
        """Get ready to transcribe at once; raises :class:`TranscriptionError`."""
        ...

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        """Transcribe; raises :class:`TranscriptionError`."""
        ...

    async def rest(self) -> None:
        """No call is on: give memory back, at once or after a while."""
        ...

    async def close(self) -> None:
        """End everything it started."""
        ...

    async def problem(self) -> str | None:
        """What keeps it from being used now, in words for people; ``None`` where nothing does. Loads nothing."""
        ...

    def describe(self) -> str:
        """What it is and where it runs, for people."""
        ...


MAX_WAITING = 4


@dataclass(eq=False, slots=True)
class TranscriptionJob:
    """A request, and where its answer goes."""

    request: TranscriptionRequest
    answer: asyncio.Future[Transcript]
    asked_at: float
    attempts: int = 0


class TranscriptionQueue:
    """Belongs to the event loop. What is final is never shed, however much of it there is."""

    def __init__(self) -> None:
        self._waiting: list[TranscriptionJob] = []
        self._more = asyncio.Event()

    def add(self, job: TranscriptionJob) -> None:
        """Queue a job; sheds the oldest of the least urgent, perhaps this one, where too many wait."""
        self._drop_cancelled()
        self._waiting.append(job)
        while len(self._waiting) > MAX_WAITING:
            shed = min(self._waiting, key=lambda waiting: waiting.request.urgency)
            if shed.request.urgency is Urgency.FINAL:
                break
            self._waiting.remove(shed)
            _shed(shed)
        self._more.set()

    def put_back(self, job: TranscriptionJob) -> None:
        """A job that was begun and came to nothing goes first again."""
        self._waiting.insert(0, job)
        self._more.set()

    async def next(self) -> TranscriptionJob:
        """The oldest of the most urgent; waits for one."""
        while True:
            self._drop_cancelled()
            if self._waiting:
                job = max(self._waiting, key=lambda waiting: waiting.request.urgency)
                self._waiting.remove(job)
                return job
            self._more.clear()
            await self._more.wait()

    def shed_speculation(self) -> None:
        """Drop everything that waits and is not final."""
        for job in [waiting for waiting in self._waiting if waiting.request.urgency is not Urgency.FINAL]:
            self._waiting.remove(job)
            _shed(job)

    def fail(self, error: Exception) -> None:
        """Fail everything that waits."""
        for job in self._waiting:
            if not job.answer.done():
                job.answer.set_exception(error)
        self._waiting.clear()

    def _drop_cancelled(self) -> None:
        self._waiting = [job for job in self._waiting if not job.answer.done()]


def _shed(job: TranscriptionJob) -> None:
    if not job.answer.done():
        job.answer.set_exception(TranscriptionShed("There was too much to listen to at once."))


SURE = 0.8
"""How likely a language must be, where that is told, to be somebody's."""


class UsualLanguages:
    """One for a call. People are named by their user ids."""

    def __init__(self) -> None:
        self._languages: dict[int, str] = {}

    def of(self, person: int) -> str | None:
        """The language that they spoke last at length, as Whisper's code."""
        return self._languages.get(person)

    def heard(self, person: int, transcript: Transcript, seconds: float) -> None:
        """Learn from what somebody has said in a sound of so many seconds."""
        sure = transcript.language_probability is None or transcript.language_probability >= SURE
        if transcript.language is not None and transcript.text and sure and seconds >= TELLING_SECONDS:
            self._languages[person] = transcript.language
