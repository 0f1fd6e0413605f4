"""An earlier call that a new one goes on with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.llm.history import Turn


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """What a call takes over from an earlier one.

    Attributes:
        turns: the last turns of the earlier call's conversation, oldest first.
        present: user ids of those who were in the earlier call. The new call does not greet them again.
        language: the language that was spoken, as Whisper's code; ``None`` if it is not known.
    """

    turns: Sequence[Turn]
    present: Collection[int]
    language: str | None = None
