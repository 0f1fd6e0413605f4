"""Settled words: which words of a turn that still goes on will stay as they are.

Interim transcripts often differ at their end, since the sound may end in the middle of a word. So a word is settled
when two transcripts in a row agree on it and on all words before it. This is the policy LocalAgreement-2 of "Turning
Whisper into Real-Time Transcription System" (Macháček, Dabre and Bojar, 2023).

That system also removes the settled sound, so that only the rest is transcribed. Seiyuu does not. In a short turn that
would save little time, and lose the words before the cut, which tell Whisper how to go on. A long turn is cut into
parts by its detector, at a pause or a quiet place, and then only the sound after the last cut is transcribed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile

_WITHOUT_SPACES = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Characters of Japanese and Chinese, which are written without spaces: each of them is compared on its own."""
_WORD = re.compile(
    rf"[{_WITHOUT_SPACES}][^\w\s]*\s*|[^\s{_WITHOUT_SPACES}]+\s*",
)
_NOT_COMPARED = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class SoFar:
    """The words of a turn, or of its part after the last cut, up to now.

    Attributes:
        settled: words that stay as they are, each with the spaces after it.
        open: words after them, which the next transcript may change.
    """

    settled: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    @property
    def settled_text(self) -> str:
        """The settled words."""
        return "".join(self.settled).strip()

    @property
    def text(self) -> str:
        """All words."""
        return "".join((*self.settled, *self.open)).strip()

    def then(self, transcript: str) -> SoFar:
        """The words so far, updated with the next transcript, which covers the whole sound.

        Words are compared without case and punctuation. Settled words stay even if the transcript has others in their
        place. Newly settled words are spelt as in the new transcript.
        """
        words = tuple(_WORD.findall(transcript.strip() + " "))[len(self.settled) :]
        pairs = zip(self.open, words, strict=False)
        agreed = sum(1 for _ in takewhile(lambda pair: _compared(pair[0]) == _compared(pair[1]), pairs))
        return SoFar((*self.settled, *words[:agreed]), words[agreed:])


def _compared(word: str) -> str:
    return _NOT_COMPARED.sub("", word).casefold()
