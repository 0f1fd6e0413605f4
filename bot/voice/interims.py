"""Interim transcripts: what people have said so far in turns that are not over.

This module limits how often they are made, and shows them to those who watch the call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.voice.events import Watcher, WordsSoFar
from bot.voice.transcribe.settled import SoFar
from bot.voice.turn import TurnId

SHARE = 0.5
"""Largest share of the time that a call's interim transcripts may take up, 0 to 1."""


class InterimPace:
    """Limits the interim transcripts of a call to :data:`SHARE` of the time. A slow machine thus makes fewer of them.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._next_at: float | None = None

    @property
    def due(self) -> bool:
        """Whether the next interim transcript may be made now."""
        return self._next_at is None or self._clock() >= self._next_at

    def record_made(self, began_at: float) -> None:
        """Record that a transcript is ready. It was requested at ``began_at``, in monotonic seconds."""
        now = self._clock()
        self._next_at = now + (now - began_at) * (1 / SHARE - 1)


@dataclass(frozen=True, slots=True)
class Speaker:
    """The turn and the display name of a person who speaks."""

    turn: TurnId
    name: str


class InterimCaptions:
    """Reports to the watchers of a call what people have said so far. One object per call.

    Args:
        watch: receives the events.
    """

    def __init__(self, watch: Watcher) -> None:
        self._watch = watch
        self._turns: dict[TurnId, SoFar] = {}
        self._shown: dict[TurnId, Speaker] = {}

    def show(self, speaker: Speaker, before: str, transcript: str) -> None:
        """Show the words of a turn so far.

        Args:
            speaker: who speaks.
            before: the words of the earlier parts, if a long turn was divided into parts. These words are final.
            transcript: the words after them.
        """
        so_far = self._turns.get(speaker.turn, SoFar()).then(transcript)
        self._turns[speaker.turn] = so_far
        text = " ".join(part for part in (before, so_far.text) if part)
        settled = " ".join(part for part in (before, so_far.settled_text) if part)
        self._shown[speaker.turn] = speaker
        self._watch(WordsSoFar(speaker.turn, speaker.name, text, settled))

    def begin_part(self, turn: TurnId) -> None:
        """Begin a new part of a turn."""
        self._turns.pop(turn, None)

    def forget(self, turn: TurnId) -> None:
        """Forget a turn whose final words are shown now."""
        self._turns.pop(turn, None)
        self._shown.pop(turn, None)

    def withdraw(self, turn: TurnId) -> None:
        """Take the words of a turn back, because the turn does not count. Does nothing if none were shown."""
        self._turns.pop(turn, None)
        if (speaker := self._shown.pop(turn, None)) is not None:
            self._watch(WordsSoFar(turn, speaker.name, "", ""))
