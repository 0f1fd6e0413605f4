"""The end-of-turn estimates of a call: at a pause, a turn's detector learns how likely it is that the turn is over."""

from __future__ import annotations

import logging

from audio.samples import Sound16
from bot.llm.history import History
from bot.voice.ports import PauseListener
from bot.voice.turn import TurnId
from bot.voice.turns.end_of_turn import EndOfTurn

_log = logging.getLogger(__name__)

ESTIMATE_TURNS = 10
"""Number of newest turns of the history that the end-of-turn estimator gets."""
ESTIMATE_SECONDS = 180.0
"""If nothing was said for this many seconds, the estimator gets no turns: no new turn answers so old a question."""


class EndEstimates:
    """Asks for the estimates and passes them on. Use it on the event loop.

    Args:
        end_of_turn: estimates at a pause how likely it is that the turn is over.
        pauses: receives each estimate for the turn's detector.
        history: the history of the call.
    """

    def __init__(self, end_of_turn: EndOfTurn, pauses: PauseListener, history: History) -> None:
        self._end_of_turn = end_of_turn
        self._pauses = pauses
        self._history = history

    async def estimate(self, turn: TurnId, sound: Sound16, text: str) -> None:
        """Estimate whether a turn is over. Never raises.

        Args:
            sound: the turn up to a pause, or the rest of a long turn after its last part.
            text: all words of the turn; never empty.
        """
        try:
            history = self._history.newest(ESTIMATE_TURNS, ESTIMATE_SECONDS)
            probability = await self._end_of_turn.probability(sound, text, history)
        except Exception:
            _log.exception("Could not estimate whether a turn is over; its detector waits as if there were no estimate")
            return
        self._pauses.end_of_turn_estimated(turn, probability)

    def has_no_words(self, turn: TurnId) -> None:
        """Let a turn end that has no words up to a pause."""
        self._pauses.end_of_turn_estimated(turn, 1.0, wordless=True)
