"""The state of one reply: the text that was sent to the speech server, and the sound that has come of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import accumulate

from bot.voice.turn import Prompt
from languages.scripts import is_unspaced_script

SAMPLES_PER_CHARACTER = 3_200
"""Estimated length of one spoken character, in samples: about 15 characters a second.

While the length of a segment's sound is not known, this number serves to estimate how much of the segment was heard.
"""
SOON_SENT = 4_800
"""Number of samples that may be sent before the playback can be cut: 100 ms."""
MOST_OF_IT = 0.99
"""Largest share of a segment that counts as spoken if the end of its sound has not come: at least the last word counts
as unspoken."""
SLACK = 1_000
"""The segments together may have this many characters more than the text sent. A server may spell out numbers."""
MOST_SEGMENTS = 100
"""Number of segments that a reply of any length may have, in addition to two for each character."""

_ENDS_SENTENCE = re.compile(r"(\n|[.!?…。！？।؟][\"'»”’)\]*_]*)\s*$")


@dataclass(slots=True)
class Segment:
    """A segment of a reply: a piece of text that the speech server synthesizes as a whole.

    Attributes:
        text: its part of the reply's text.
        received: length of the sound that has come so far, in samples (mono, 48,000 Hz).
        complete: whether all sound of the segment has come.
        broken_off: whether the sound broke off. If so, ``text`` has only the words that are probably in the sound.
    """

    text: str
    received: int = 0
    complete: bool = False
    broken_off: bool = False


@dataclass(slots=True)
class Reply:
    """A reply that is not over. Only the state machine uses this object; all other parts use its ``id``.

    A notice is a text that is spoken, but is not part of the answer: it says that the answer takes a moment. History
    and captions leave notices out.

    Attributes:
        pace: estimated length of one spoken character, in samples, before any sound has come.
        committed: whether people may hear and see the reply. Until then it is speculative: it answers what somebody has
            said so far, before it is certain that they have finished.
        text: all text that is to be spoken: the answer so far, and the notices.
        notices: the places of the notices in ``text``.
        answer: text of the answer so far, without the notices.
        loading: whether people were told that the model is being loaded.
        used_tools: whether the model has called tools for the answer.
        preface: length of the part of the answer that came before the newest results of tools. That part only says that
            the answer will come.
        waiting: whether the answer waits for tools, or for the model's next words after them.
        remarks: how many notices have said that the tools take long.
        wait_written: whether the channel was told that the tools take long.
        silent: whether the model has answered that it has nothing to say.
        segments: segments of ``text`` whose synthesis has begun, in order.
        begun: number of characters of ``text`` that are in segments.
        marked: number of characters of ``text`` that are marked in the playback, so that they are shown when heard.
        servers_lost: how many speech servers were lost during this reply.
        text_ended: whether the text of the answer is complete.
        speech_lost: whether the speech server failed at this reply. If so, the rest is written into the prompt channel.
        playback_finished: whether no more sound of the reply will come. Sound that has come may still be playing.
        drained: whether the last sample was sent, or the reply has no sound at all.
        fault: why the model failed, as a text for users; "" if they know it already, ``None`` if it did not fail.
    """

    id: str
    prompt: Prompt
    pace: float = SAMPLES_PER_CHARACTER
    committed: bool = True
    text: str = ""
    notices: list[range] = field(default_factory=list)
    answer: str = ""
    loading: bool = False
    used_tools: bool = False
    preface: int = 0
    waiting: bool = False
    remarks: int = 0
    wait_written: bool = False
    silent: bool = False
    segments: list[Segment] = field(default_factory=list)
    begun: int = 0
    marked: int = 0
    servers_lost: int = 0
    text_ended: bool = False
    speech_lost: bool = False
    playback_finished: bool = False
    drained: bool = False
    fault: str | None = None

    def add_answer(self, text: str) -> None:
        """Append text to the answer."""
        self.answer += text
        self.text += text

    def add_notice(self, text: str) -> None:
        """Append a notice."""
        self.notices.append(range(len(self.text), len(self.text) + len(text)))
        self.text += text

    @property
    def received(self) -> int:
        """Number of samples of this reply that have come from the speech server."""
        return sum(segment.received for segment in self.segments)

    @property
    def answer_received(self) -> int:
        """Number of samples that have come for the answer, without the notices."""
        ends = [*accumulate(len(segment.text) for segment in self.segments)]
        places = zip((0, *ends), ends, self.segments, strict=False)
        return sum(
            segment.received
            for start, end, segment in places
            if not any(notice.start <= start and end <= notice.stop for notice in self.notices)
        )

    @property
    def caught_up(self) -> bool:
        """Whether all sound of the text so far has come."""
        spoken = "".join(segment.text for segment in self.segments if segment.complete)
        return bool(self.text) and spoken.strip() == self.text.strip()

    def may_begin(self, text: str) -> bool:
        """Whether a segment with ``text`` can be a part of this reply, whose segments may be a bit longer than it."""
        return (
            self.begun + len(text) <= len(self.text) + SLACK and len(self.segments) < 2 * len(self.text) + MOST_SEGMENTS
        )

    def begin_segment(self, length: int) -> str:
        """Begin the next segment. Returns the part of its text that is not marked in the playback yet.

        The segments, put together, are the reply's text. So a segment's words are taken from there: the server could
        name words that the bot does not say.

        Args:
            length: number of characters of the segment.
        """
        start, end = self.begun, min(self.begun + length, len(self.text))
        self.segments.append(Segment(self.text[start:end]))
        new = self.text[max(start, self.marked) : end]
        self.begun = end
        self.marked = max(self.marked, end)
        return new

    @property
    def rest(self) -> str:
        """The text that is in no segment yet."""
        return self.text[self.begun :]

    def begin_anew(self) -> None:
        """Forget all sound: nothing of it was heard, and all of it is synthesized anew."""
        self.segments.clear()
        self.begun = self.marked = 0

    def break_off(self, sent: int) -> int | None:
        """Record that no more sound of an incomplete segment comes. What people have not heard is :attr:`rest` again.

        If playback has not reached the segment, its sound is to be dropped. Otherwise all of its sound is heard, and
        the rest begins with the first word that is not wholly in it, as far as that can be estimated.

        Args:
            sent: number of samples of the reply that were sent.

        Returns:
            The number of samples to keep; ``None`` if nothing is to be dropped.
        """
        if not self.segments or self.segments[-1].complete:
            return None
        last = self.segments[-1]
        start = self.received - last.received
        self.begun -= len(last.text)
        if not last.received or sent + SOON_SENT <= start:
            self.segments.pop()
            return start if last.received else None
        # One sample more, so that rounding takes no character away.
        spoken = (last.received + 1) / (len(last.text) * self.samples_per_character or 1)
        last.text = _first_words(last.text, min(spoken, MOST_OF_IT))
        last.complete = last.broken_off = True
        self.begun += len(last.text)
        return None

    @property
    def samples_per_character(self) -> float:
        """Length of one character in the sound of this reply so far, in samples."""
        whole = [each for each in self.segments if each.complete and each.received and not each.broken_off]
        characters = sum(len(segment.text) for segment in whole)
        return sum(segment.received for segment in whole) / characters if characters else self.pace

    def heard_text(self, samples: int) -> str:
        """The part of the answer that people have heard after ``samples`` samples, up to the end of a word."""
        return self._without_notices(self._heard(samples)).strip()

    def has_answered(self, samples: int) -> bool:
        """Whether people have heard words of the answer itself after ``samples`` samples."""
        return len(self.heard_text(samples)) > len(self.answer[: self.preface].strip())

    def hears_answer(self, samples: int) -> bool:
        """Whether the sentence that people hear after ``samples`` samples is one of the answer itself."""
        if not samples or not self.answer_received or self.waiting:
            return False
        return not self.preface or self.has_answered(self.sentence_end(samples) or samples)

    def lacks_answer(self, samples: int) -> bool:
        """Whether people expect an answer of which they have heard nothing after ``samples`` samples."""
        return self.committed and not self.fault and not self.has_answered(samples)

    def unheard_text(self, samples: int) -> str:
        """The rest of the answer after :meth:`heard_text`."""
        return self._without_notices(self.text, len(self._heard(samples))).strip()

    def _heard(self, samples: int) -> str:
        text = ""
        for segment in self.segments:
            if segment.complete and samples >= segment.received:
                text += segment.text
                samples -= segment.received
                continue
            length = segment.received if segment.complete else len(segment.text) * SAMPLES_PER_CHARACTER
            text += _first_words(segment.text, samples / length if length else 0.0)
            break
        return text

    def sentence_end(self, samples: int) -> int | None:
        """The end of the sentence that people hear after ``samples`` samples, as a number of samples of this reply.

        ``None`` if the sound of that end has not come yet, or if no segment ends a sentence.
        """
        end = 0
        for segment in self.segments:
            if not segment.complete:
                return None
            end += segment.received
            if end >= samples and _ENDS_SENTENCE.search(segment.text):
                return end
        return None

    def unspoken(self) -> str:
        """The rest of the answer, beginning with the first segment whose sound is incomplete."""
        spoken = 0
        for segment in self.segments:
            if not segment.complete:
                break
            spoken += len(segment.text)
        return self._without_notices(self.text, spoken).strip()

    def _without_notices(self, text: str, start: int = 0) -> str:
        """``text`` from ``start`` on, without the notices. ``text`` is the reply's text, or the beginning of it."""
        parts = list[str]()
        for notice in self.notices:
            parts.append(text[start : max(start, notice.start)])
            start = max(start, notice.stop)
        return "".join((*parts, text[start:]))


def _first_words(text: str, share: float) -> str:
    """The whole words in the first ``share`` (0 to 1) of ``text``."""
    end = int(len(text) * share)
    if end >= len(text):
        return text
    if end > 0 and text[end].isspace():
        return text[: end + 1]
    while end > 0 and not _begins_word(text, end):
        end -= 1
    return text[:end]


def _begins_word(text: str, at: int) -> bool:
    """Whether a word may begin at a character: behind a blank, or beside a character of a script without spaces."""
    return text[at - 1].isspace() or is_unspaced_script(text[at - 1]) or is_unspaced_script(text[at])
