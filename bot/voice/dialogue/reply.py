"""One reply from its prompt to its last sample: what was written, what was spoken, what was heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate

from bot.voice.turn import Prompt

SAMPLES_PER_CHARACTER = 3_200
"""About 15 characters a second: how far a segment has been heard while its whole length is not known."""


@dataclass(slots=True)
class Segment:
    """A segment that the voice took up. Lengths in samples at 48,000 Hz, mono."""

    text: str
    received: int = 0
    whole: bool = False


@dataclass(slots=True)
class Reply:
    """A reply in the making. It lives in the state machine alone; others know it by ``id``.

    While it is not ``sure`` it is speculative, and nothing of it may be heard or seen. ``notice`` is what is said
    before the answer and is no part of it: that it takes a moment.
    """

    id: str
    prompt: Prompt
    sure: bool = True
    notice: str = ""
    written: str = ""
    segments: list[Segment] = field(default_factory=list)
    text_ended: bool = False
    voice_lost: bool = False
    playback_finished: bool = False
    drained: bool = False
    fault: str | None = None

    @property
    def said(self) -> str:
        """Everything that the voice was given to say."""
        return self.notice + self.written

    @property
    def received(self) -> int:
        """Samples of this reply that the voice has delivered."""
        return sum(segment.received for segment in self.segments)

    @property
    def answer_received(self) -> int:
        """The same of the answer alone."""
        ends = accumulate(len(segment.text) for segment in self.segments)
        return sum(segment.received for segment, end in zip(self.segments, ends, strict=True) if end > len(self.notice))

    @property
    def notice_is_whole(self) -> bool:
        """Whether the voice has delivered the whole notice, and nothing yet of the answer."""
        spoken = "".join(segment.text for segment in self.segments if segment.whole)
        return bool(self.notice) and spoken.strip() == self.notice.strip()

    def heard(self, samples: int) -> str:
        """The part of the answer that was heard when ``samples`` samples had been played, cut at a word."""
        text = ""
        for segment in self.segments:
            if segment.whole and samples >= segment.received:
                text += segment.text
                samples -= segment.received
                continue
            length = segment.received if segment.whole else len(segment.text) * SAMPLES_PER_CHARACTER
            text += _first_words(segment.text, samples / length if length else 0.0)
            break
        return text[len(self.notice) :].strip()

    def unspoken(self) -> str:
        """The part of the answer that the voice has not delivered whole."""
        spoken = 0
        for segment in self.segments:
            if not segment.whole:
                break
            spoken += len(segment.text)
        return self.said[max(spoken, len(self.notice)) :].strip()


def _first_words(text: str, share: float) -> str:
    """The words whose end lies within the first ``share`` (0 to 1) of ``text``."""
    end = int(len(text) * share)
    if end >= len(text):
        return text
    # A script without spaces has no words to cut at; there a character is the unit.
    if " " not in text.strip():
        return text[:end]
    return text[: text.rfind(" ", 0, end + 1) + 1] if end > 0 else ""
