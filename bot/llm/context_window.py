"""How much a model can take in at once, and how much of it is left for a conversation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bot.llm.fitting import fitted
from bot.llm.length_refusal import LengthRefusal
from bot.llm.messages import ChatMessage
from bot.llm.tokens import message_tokens, total_tokens

_log = logging.getLogger(__name__)

ASSUMED_TOKENS = 4_096
"""For a server that tells nothing."""
SMALLEST_TOKENS = 256
_LEAST_SCALE, _MOST_SCALE = 0.3, 6.0
_SLACK, _COUNT_SLACK = 1.05, 1.1
"""What is added to what a server counted: the next messages may be of another kind."""
_NEAR = 0.4
_ENOUGH_TO_COUNT = 100
_SHRINK = 0.6
_SMALL_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class FittedRequest:
    """What is asked: the messages that fit, and the longest answer that there is room for."""

    messages: tuple[ChatMessage, ...]
    max_tokens: int


class ContextWindow:
    """The context of one model of one server.

    Args:
        given: its size in tokens as the operator set it; ``None`` where the server is to tell it.
    """

    def __init__(self, given: int | None) -> None:
        self._given = given
        self._told: int | None = None
        # What refusals taught, which may be less than the server says of itself.
        self._most: int | None = None
        # How much longer texts are for this model than the estimate says.
        self._scale = 1.0

    @property
    def _size(self) -> int | None:
        known = [size for size in (self._given or self._told, self._most) if size is not None]
        return min(known, default=None)

    @property
    def size(self) -> int:
        """Tokens in all, as far as it is known."""
        return self._size or ASSUMED_TOKENS

    def told(self, size: int) -> None:
        """The server was asked, and says this; what the operator set wins."""
        if size >= SMALLEST_TOKENS:
            self._told = size

    def counted(self, messages: Sequence[ChatMessage], tokens: int) -> None:
        """The server has counted these ``messages``: the estimate is corrected by it."""
        estimated = total_tokens(messages)
        if estimated >= _ENOUGH_TO_COUNT:
            self._scale = min(_MOST_SCALE, max(_LEAST_SCALE, _COUNT_SLACK * tokens / estimated))

    def wants_count(self, messages: Sequence[ChatMessage]) -> bool:
        """Whether it is worth knowing how long they are: when the estimate comes near to what fits."""
        return self._told is not None and total_tokens(messages) * self._scale > _NEAR * self.size

    def fit(self, messages: Sequence[ChatMessage], max_tokens: int) -> FittedRequest:
        """As much of the conversation as fits, with room for an answer.

        The answer gets what was set for it, and half of the context at most. Where the size is only assumed, the
        longest answer is asked for as it was set, and the newest message stays whole.
        """
        room = max(1, min(max_tokens, self.size // 2))
        kept = fitted(messages, self.size - room, self._tokens, whole_newest=self._size is None)
        return FittedRequest(kept, max_tokens if self._size is None else room)

    def refused(self, refusal: LengthRefusal, sent: Sequence[ChatMessage]) -> bool:
        """The server refused ``sent`` for its length: learn from its numbers, or make do with less.

        Returns whether asking again, with what fits now, may help.
        """
        estimated, known = total_tokens(sent), self._size
        thought = estimated * self._scale
        if refusal.limit is None and thought < max(SMALLEST_TOKENS, _SMALL_SHARE * (known or 0)):
            # So little can't be too long: something else filled the context, thoughts say.
            return False
        longer = refusal.prompt is not None and refusal.prompt > thought
        if longer and refusal.prompt is not None:
            self._scale = min(_MOST_SCALE, _SLACK * refusal.prompt / estimated)
        if refusal.limit is not None and (known is None or refusal.limit < known):
            self._most = max(SMALLEST_TOKENS, refusal.limit)
        elif not longer:
            self._most = max(SMALLEST_TOKENS, int(min(self.size, thought) * _SHRINK))
        _log.warning("The conversation is too long for the model: from now on it is kept to %d tokens", self.size)
        return True

    def _tokens(self, message: ChatMessage) -> int:
        return round(message_tokens(message) * self._scale)
