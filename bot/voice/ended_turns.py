"""The turns of a call that are over, until their words are known and turn taking acts on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from audio.samples import HEARING_RATE
from bot.voice.open_turn import OpenTurn

WORDS_LIMIT = 5.0
"""Seconds, plus the duration of the sound, for which everybody waits for the words of a turn that is over.

After that, other people are answered, and a reply that the turn has interrupted goes on. A transcriber that hangs may
take several times as long.
"""


@dataclass(eq=False)
class EndedTurns:
    """The turns that are over, in the order in which they ended. Use it only on the event loop.

    Attributes:
        sleep: waits for some seconds.
    """

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _turns: list[OpenTurn] = field(default_factory=list)

    def add(self, turn: OpenTurn) -> None:
        """Add a turn that has just ended."""
        self._turns.append(turn)

    def drop(self, turn: OpenTurn) -> None:
        """Remove a turn, if it is here."""
        if turn in self._turns:
            self._turns.remove(turn)

    def take(self) -> OpenTurn | None:
        """Remove and return the first turn, if its words are known. A turn whose words are late holds up no other."""
        first = next((turn for turn in self._turns if turn.text is not None or not turn.late), None)
        if first is None or first.text is None:
            return None
        self._turns.remove(first)
        return first

    async def wait_for_words(self, turn: OpenTurn) -> None:
        """Wait for as long as everybody waits for a turn's words. After that, they are late."""
        duration = len(turn.ended.sound) / HEARING_RATE if turn.ended is not None else 0.0
        await self.sleep(WORDS_LIMIT + duration)
        # Late words don't interrupt what is being said by then.
        turn.late = turn.interruption_decided = True
