"""A turn as turn taking handles it, from its first sound until its words are acted on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Any

from audio.samples import HEARING_RATE
from bot.voice.turn import TurnId
from bot.voice.turns.events import SpeechPaused, TurnEnded

MAX_MISSING_SECONDS = 0.35
"""An interim transcript counts as the words up to a pause if it lacks at most this many seconds before the pause.

Some of these seconds are the silence by which the pause was noticed. Whisper recognises most last words although their
end is missing (:mod:`benchmarks.interims`).
"""


@dataclass(frozen=True, slots=True)
class InterimWords:
    """An interim transcript.

    Attributes:
        text: the words.
        samples: length of the sound that was transcribed: the turn so far, or its rest after its last part.
        parts: number of parts that had been cut off the turn before this sound.
    """

    text: str
    samples: int
    parts: int


@dataclass(slots=True, eq=False)
class OpenTurn:
    """A turn whose words turn taking has not acted on yet.

    Attributes:
        during_reply: whether the turn began while the bot was answering.
        interrupting: whether the turn began during a reply, and the person may interrupt that reply.
        interruption_decided: whether turn taking has decided that the turn ends that reply, or that it is only an echo.
        may_be_echo: whether the turn's newest sound may be the bot's own voice.
        parts: transcriptions of the turn's earlier parts, in order. A long turn is transcribed in parts.
        interim: transcription of the sound so far, while the person speaks.
        so_far: the newest interim transcript.
        checked_at: when an interim transcript was last asked for to decide about an interruption, in monotonic seconds.
        speculated: whether a speculative reply was asked for at ``paused``.
        transcription: transcription of the sound up to ``paused``.
        estimate: the end-of-turn estimate for ``paused``.
        paused: the newest pause; ``None`` while the person speaks.
        text: the words up to ``paused``; ``None`` if they are not known yet.
        language: the language of the words that were transcribed last, as Whisper's code.
        transcribed_at: when ``text`` became known, in monotonic seconds.
        ended: the end of the turn; ``None`` before it.
        waiting: ends the wait of all others for the words of a turn that is over.
        late: whether nobody waits for the words any more.
    """

    id: TurnId
    during_reply: bool
    interrupting: bool
    interruption_decided: bool = False
    may_be_echo: bool = True
    parts: list[asyncio.Task[str]] = field(default_factory=list)
    interim: asyncio.Task[None] | None = None
    so_far: InterimWords | None = None
    checked_at: float = -inf
    speculated: bool = False
    transcription: asyncio.Task[None] | None = None
    estimate: asyncio.Task[None] | None = None
    paused: SpeechPaused | None = None
    text: str | None = None
    language: str | None = None
    transcribed_at: float = 0.0
    ended: TurnEnded | None = None
    waiting: asyncio.Task[None] | None = None
    late: bool = False

    def tasks(self) -> list[asyncio.Task[Any]]:
        """The tasks of the turn."""
        tasks = (*self.parts, self.interim, self.transcription, self.estimate, self.waiting)
        return [task for task in tasks if task is not None]

    @property
    def words_of_parts(self) -> str | None:
        """The words of the parts that were cut off; ``None`` if some of these words are not known yet."""
        if any(not part.done() for part in self.parts):
            return None
        return _joined(part.result() for part in self.parts)

    @property
    def early_words(self) -> str | None:
        """The words up to the newest pause by the newest interim transcript.

        ``None`` if the person speaks, if the words are known already, or if there is no transcript that lacks at most
        :data:`MAX_MISSING_SECONDS`.
        """
        paused, so_far, before = self.paused, self.so_far, self.words_of_parts
        if paused is None or self.text is not None or so_far is None or before is None:
            return None
        missing = len(paused.sound) - so_far.samples
        if so_far.parts != len(self.parts) or missing > MAX_MISSING_SECONDS * HEARING_RATE:
            return None
        return _joined((before, so_far.text))

    async def with_parts(self, last: str) -> str:
        """Wait for the words of the turn's parts. Returns them together with ``last``, the words after the parts."""
        if self.parts:
            # ``asyncio.gather`` would cancel the parts when this task is cancelled, but the parts are still needed.
            await asyncio.wait(self.parts)
        return _joined((*(part.result() for part in self.parts), last))


def _joined(texts: Iterable[str]) -> str:
    return " ".join(text for text in texts if text)
