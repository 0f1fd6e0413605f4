"""One reply of a speech server that sends bare sound: which words its sound speaks, and when it is over.

Such a server says neither. Both are worked out from the length of the sound. Pure logic, without I/O and clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from audio.samples import SPEAKING_RATE, Samples
from bot.speech_server.events import SegmentAudio, SpeechEvent
from bot.speech_server.plain_sound import is_audible
from wire.messages import Failure, Flushed, SegmentEnd, SegmentStart

USUAL_PACE = 3_200
"""Assumed samples of sound for one character, until the voice's pace is known: about 15 characters a second."""
PACES = (1_200, 9_600)
"""Fewest and most samples for one character that are believed: 40 and 5 characters a second."""
MIN_LEARNED = 20
"""Minimum number of characters of a reply from which the pace is learned."""
PIECE = SPEAKING_RATE // 10
"""Sound is passed on in pieces of at most this many samples."""
MIN_CLAUSE = 12
"""Minimum number of characters of a segment, unless the rest of the text is shorter."""
ENOUGH = 0.75
"""A reply may be over once this share of the expected length has come."""
_CLAUSE_END = re.compile(r"[.!?…,;:]+[\"'”’)]*\s+|[。！？、，；：]+\s*|\n+")
_SPOKEN = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class PlainLimits:
    """How long a reply may be silent, in seconds.

    Attributes:
        first_sound: from the end of the text to the first sound. A voice may have to be loaded first.
        quiet: after sound that is about as long as the text. Then the reply is over.
        gap: after sound that is shorter than the text. Then the reply is over too; if there was hardly any sound, it
            has failed.
        extra: how much longer than four times the expected length a reply may be.
    """

    first_sound: float = 20.0
    quiet: float = 1.5
    gap: float = 5.0
    extra: float = 30.0


@dataclass(slots=True)
class Pace:
    """The pace of a voice, learned from its replies. ``samples`` is the number of samples for one character."""

    samples: float = USUAL_PACE
    known: bool = False

    def learn(self, characters: int, samples: int) -> None:
        """Learn from a whole reply. The newest reply counts as much as all earlier ones together."""
        if characters < MIN_LEARNED:
            return
        pace = min(max(samples / characters, PACES[0]), PACES[1])
        self.samples = (self.samples + pace) / 2 if self.known else pace
        self.known = True


class PlainReply:
    """A reply that is being spoken. The methods return events as a speech server with events would send them.

    Args:
        reply: the reply's id.
        pace: the pace of the voice. It learns from the reply once the reply is complete.

    Attributes:
        over: whether the reply is complete or has failed. No method may be called after that.
        flushed: whether the text is complete.
    """

    def __init__(self, reply: str | None, pace: Pace, limits: PlainLimits) -> None:
        self.id = reply
        self.over = False
        self.flushed = False
        self._pace = pace
        self._limits = limits
        self._text = ""
        self._waiting = ""
        self._number = -1
        self._in_segment = False
        self._budget = 0.0
        self._received = 0
        self._skipped = 0
        self._ended_at = 0
        self._quiet = 0.0

    @property
    def begun(self) -> bool:
        """Whether sound of the reply has come."""
        return self._received > 0

    def add(self, text: str, *, flush: bool) -> Iterator[SpeechEvent]:
        """Note text that was sent to the server, and whether it is the end. A text without words is over at once."""
        self._text += text
        self._waiting += text
        self.flushed |= flush
        self._quiet = 0.0
        if self.flushed and not _SPOKEN.search(self._text):
            yield from self._complete()

    def sound(self, samples: Samples, waited: float = 0.0) -> Iterator[SpeechEvent]:
        """Take sound that has come, after ``waited`` seconds. Silence before the first word is left out."""
        self._quiet += waited
        for at in range(0, len(samples), PIECE):
            piece = samples[at : at + PIECE]
            seconds = len(piece) / SPEAKING_RATE
            if is_audible(piece):
                # Sound makes up for ten times its length of quiet. So a server that is merely slower than speech does
                # not count as quiet, and one that only trickles does.
                self._quiet = max(0.0, self._quiet - 10 * seconds)
            else:
                self._quiet += max(0.0, seconds - waited)
                if not self.begun:
                    self._skipped += len(piece)
                    continue
            waited = 0.0
            yield from self._play(piece)
        yield from self._look()

    def wait(self, seconds: float) -> Iterator[SpeechEvent]:
        """Note that nothing has come for some seconds."""
        self._quiet += seconds
        yield from self._look()

    def closed(self, *, orderly: bool) -> Iterator[SpeechEvent]:
        """Note that the server has closed the connection. If the reply is not ``over`` after that, its rest is lost.

        Args:
            orderly: whether the server used the usual close code, as some servers do after each reply.
        """
        if self.flushed and self.begun and (self._enough or (orderly and self._plausible)):
            yield from self._complete()

    @property
    def _expected(self) -> float:
        """The expected number of samples of the text so far."""
        return len(self._text.strip()) * self._pace.samples

    @property
    def _enough(self) -> bool:
        return self._received >= ENOUGH * self._expected

    @property
    def _plausible(self) -> bool:
        """Whether the sound so far is long enough for somebody to have spoken the text."""
        return self._received >= len(self._text.strip()) * PACES[0] / 2

    def _look(self) -> Iterator[SpeechEvent]:
        """Look whether the reply is over."""
        limits, most = self._limits, 4 * self._expected + self._limits.extra * SPEAKING_RATE
        if self.over:
            return
        if self._received > most:
            yield from self._fail("its sound does not end")
        elif self._skipped > most:
            yield from self._fail("it sends only silence")
        elif not self.begun:
            if self.flushed and self._quiet >= limits.first_sound:
                yield from self._fail(f"no sound came for {limits.first_sound:.0f} s")
        elif self._quiet >= (limits.quiet if self._enough else limits.gap):
            if not self.flushed:
                # The text pauses, perhaps for a tool. What was said before is complete.
                if self._enough and self._in_segment:
                    yield from self._rest()
            elif self._plausible:
                yield from self._complete()
            else:
                yield from self._fail("its sound broke off")

    def _play(self, piece: Samples) -> Iterator[SpeechEvent]:
        """Pass a piece of sound on, with the words that it probably speaks."""
        if self._number < 0 and not self._waiting.strip():
            return
        while len(piece):
            if self._waiting.strip() and (not self._in_segment or self._budget <= 0):
                yield from self._end_segment()
                yield from self._begin_segment()
            length = len(piece)
            if self._waiting.strip() and self._budget > 0:
                length = min(length, max(1, int(self._budget)))
            self._budget -= length
            self._received += length
            yield SegmentAudio(self.id, max(self._number, 0), piece[:length])
            piece = piece[length:]

    def _begin_segment(self) -> Iterator[SpeechEvent]:
        text = _first_clause(self._waiting, complete=self.flushed)
        self._waiting = self._waiting[len(text) :]
        self._number += 1
        self._in_segment = True
        self._ended_at = self._received
        self._budget += len(text) * self._pace.samples
        yield SegmentStart(self._number, text, self.id)

    def _end_segment(self) -> Iterator[SpeechEvent]:
        if self._in_segment:
            self._in_segment = False
            yield SegmentEnd(self._number, self._received - self._ended_at, self.id)

    def _rest(self) -> Iterator[SpeechEvent]:
        """End the segment, and add the text for which no sound was left: the voice was faster than expected."""
        yield from self._end_segment()
        if self._waiting:
            self._number += 1
            yield SegmentStart(self._number, self._waiting, self.id)
            yield SegmentEnd(self._number, 0, self.id)
            self._waiting = ""
        self._budget = 0.0

    def _complete(self) -> Iterator[SpeechEvent]:
        yield from self._rest()
        self.over = True
        if self.begun:
            self._pace.learn(len(self._text.strip()), self._received)
        yield Flushed(None, self._received * 1000 / SPEAKING_RATE, self.id)

    def _fail(self, why: str) -> Iterator[SpeechEvent]:
        self.over = True
        yield Failure(why, "engine_failed", self.id)


def _first_clause(text: str, *, complete: bool) -> str:
    """The first clause of a text. If the text is not ``complete``, half a word at its end is left for later."""
    for end in _CLAUSE_END.finditer(text):
        if end.end() >= MIN_CLAUSE or not text[end.end() :].strip():
            return text[: end.end()]
    blank = max(map(text.rstrip().rfind, " \n\t"))
    return text if complete or blank < 0 else text[: blank + 1]
