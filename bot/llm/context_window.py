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
_MOST_SCALE = 6.0
_SLACK = 1.05
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
        self._size = given
        # How much longer texts are for this model than the estimate says.
        self._scale = 1.0

    @property
    def size(self) -> int:
        """Tokens in all, as far as it is known."""
        return self._size or ASSUMED_TOKENS

    def told(self, size: int) -> None:
        """The server was asked, and says this; what the operator set wins."""
        if self._given is None and size >= SMALLEST_TOKENS:
            self._size = size

    def fit(self, messages: Sequence[ChatMessage], max_tokens: int) -> FittedRequest:
        """As much of the conversation as fits, with room for an answer.

        The answer gets what was set for it, and half of the context at most. Where the size is only assumed, the
        longest answer is asked for as it was set.
        """
        room = max(1, min(max_tokens, self.size // 2))
        kept = fitted(messages, self.size - room, self._tokens)
        return FittedRequest(kept, max_tokens if self._size is None else room)

    def refused(self, refusal: LengthRefusal, sent: Sequence[ChatMessage]) -> bool:
        """The server refused ``sent`` for its length: learn from its numbers, or make do with less.

        Returns whether asking again, with what fits now, may help.
        """
        estimated = total_tokens(sent)
        scale = self._scale
        if refusal.limit is None and estimated * scale < max(SMALLEST_TOKENS, _SMALL_SHARE * (self._size or 0)):
            # So little can't be too long: something else filled the context, thoughts say.
            return False
        if refusal.prompt is not None and refusal.prompt > estimated * scale:
            scale = min(_MOST_SCALE, _SLACK * refusal.prompt / estimated)
        if refusal.limit is not None and (refusal.limit != self._size or scale > self._scale):
            self._size = max(SMALLEST_TOKENS, refusal.limit)
        elif scale == self._scale:
            self._size = max(SMALLEST_TOKENS, int(min(self.size, estimated * scale) * _SHRINK))
        self._scale = scale
        _log.warning("The conversation is too long for the model: from now on it is kept to %d tokens", self.size)
        return True

    def _tokens(self, message: ChatMessage) -> int:
        return round(message_tokens(message) * self._scale)
