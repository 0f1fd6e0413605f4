"""One reply from its prompt to its last sample: what was written, what was spoken, what was heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

SAMPLES_PER_CHARACTER = 3_200
"""About 15 characters a second: how far a clause has been heard while its whole length is not known."""


class PromptKind(StrEnum):
    """What is wanted of a prompt."""

    ASK = "ask"
    """The model answers it."""
    RECITE = "recite"
    """Its text is spoken as it stands (``!speak``)."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something said to the bot. ``at`` is monotonic, in seconds; ``message`` names it in the prompt channel."""

    author: str
    text: str
    at: float
    message: int | None = None
    kind: PromptKind = PromptKind.ASK


class Outcome(StrEnum):
    """How a reply ended."""

    SPOKEN = "spoken"
    WRITTEN = "written"
    """The voice failed, or had nothing to say: the rest stands in the prompt channel."""
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    """The model gave no answer."""


@dataclass(slots=True)
class Segment:
    """A clause that the voice took up. Lengths in samples at 48,000 Hz, mono."""

    text: str
    received: int = 0
    whole: bool = False


@dataclass(slots=True)
class Reply:
    """A reply in the making. It lives in the state machine alone; others know it by ``id``."""

    id: str
    prompt: Prompt
    written: str = ""
    segments: list[Segment] = field(default_factory=list)
    text_ended: bool = False
    voice_lost: bool = False
    playback_finished: bool = False
    drained: bool = False
    fault: str | None = None

    @property
    def received(self) -> int:
        """Samples of this reply that the voice has delivered."""
        return sum(segment.received for segment in self.segments)

    def heard(self, samples: int) -> str:
        """The part of the text that was heard when ``samples`` samples had been played, cut at a word."""
        text = ""
        for segment in self.segments:
            if segment.whole and samples >= segment.received:
                text += segment.text
                samples -= segment.received
                continue
            length = segment.received if segment.whole else len(segment.text) * SAMPLES_PER_CHARACTER
            text += _first_words(segment.text, samples / length if length else 0.0)
            break
        return text.strip()

    def unspoken(self) -> str:
        """The part of the text that the voice has not delivered whole."""
        spoken = 0
        for segment in self.segments:
            if not segment.whole:
                break
            spoken += len(segment.text)
        return self.written[spoken:].strip()


def _first_words(text: str, share: float) -> str:
    """The words whose end lies within the first ``share`` (0 to 1) of ``text``."""
    end = int(len(text) * share)
    if end >= len(text):
        return text
    # A script without spaces has no words to cut at; there a character is the unit.
    if " " not in text.strip():
        return text[:end]
    return text[: text.rfind(" ", 0, end + 1) + 1] if end > 0 else ""
