"""The state of one reply: the text that was sent to the speech server, and the sound that has come of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import accumulate

from bot.voice.turn import Prompt

SAMPLES_PER_CHARACTER = 3_200
"""Estimated length of one spoken character, in samples: about 15 characters a second.

While the length of a segment's sound is not known, this number serves to estimate how much of the segment was heard.
"""

_ENDS_SENTENCE = re.compile(r"(\n|[.!?…。！？।؟][\"'»”’)\]*_]*)\s*$")


@dataclass(slots=True)
class Segment:
    """A segment of a reply: a piece of text that the speech server synthesizes as a whole.

    Attributes:
        received: length of the sound that has come so far, in samples (mono, 48,000 Hz).
        complete: whether all sound of the segment has come.
    """

    text: str
    received: int = 0
    complete: bool = False


@dataclass(slots=True)
class Reply:
    """A reply that is not over. Only the state machine uses this object; all other parts use its ``id``.

    A notice is a text that is spoken, but is not part of the answer: it says that the answer takes a moment. History
    and captions leave notices out.

    Attributes:
        committed: whether people may hear and see the reply. Until then it is speculative: it answers what somebody has
            said so far, before it is certain that they have finished.
        text: all text that is to be spoken: the answer so far, and the notices.
        notices: the places of the notices in ``text``.
        answer: text of the answer so far, without the notices.
        loading: whether people were told that the model is being loaded.
        waiting: whether the answer waits for tools, or for the model's next words after them.
        remarks: how many notices have said that the tools take long.
        wait_written: whether the channel was told that the tools take long.
        silent: whether the model has answered that it has nothing to say.
        segments: segments of ``text`` whose synthesis has begun, in order.
        text_ended: whether the text of the answer is complete.
        speech_lost: whether the speech server failed at this reply. Then the rest is written into the prompt channel.
        playback_finished: whether no more sound of the reply will come. Sound that has come may still be playing.
        drained: whether the last sample was sent, or the reply has no sound at all.
        fault: why the model failed, as a text for users; "" if they know it already, ``None`` if it did not fail.
    """

    id: str
    prompt: Prompt
    committed: bool = True
    text: str = ""
    notices: list[range] = field(default_factory=list)
    answer: str = ""
    loading: bool = False
    waiting: bool = False
    remarks: int = 0
    wait_written: bool = False
    silent: bool = False
    segments: list[Segment] = field(default_factory=list)
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

    def heard_text(self, samples: int) -> str:
        """The part of the answer that people have heard after ``samples`` samples, up to the end of a word."""
        text = ""
        for segment in self.segments:
            if segment.complete and samples >= segment.received:
                text += segment.text
                samples -= segment.received
                continue
            length = segment.received if segment.complete else len(segment.text) * SAMPLES_PER_CHARACTER
            text += _first_words(segment.text, samples / length if length else 0.0)
            break
        return self._without_notices(text).strip()

    def sentence_end(self, samples: int) -> int | None:
        """Where the sentence ends that people hear after ``samples`` samples, in samples of this reply.

        ``None`` if the sound of that end has not come yet.
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
        """The beginning ``text`` of the reply's text, from ``start`` on, without the notices."""
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
    # Without spaces there are no words to cut at, so the text is cut between two characters.
    if " " not in text.strip():
        return text[:end]
    return text[: text.rfind(" ", 0, end + 1) + 1] if end > 0 else ""
