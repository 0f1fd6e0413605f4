"""Context windows: learns how many tokens a model accepts, and makes conversations fit."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bot.llm.errors import LengthRefusal
from bot.llm.messages import ChatMessage, total_tokens
from bot.llm.truncation import fit_messages

_log = logging.getLogger(__name__)

ASSUMED_TOKENS = 4_096
"""Context size that is assumed, in tokens, if the server does not report it and the operator has not set it."""
SMALLEST_TOKENS = 256
"""Smallest believable context size, in tokens."""
TOOLS_LEFT_OUT = (
    "The model's context of %d tokens has no room for these tools, so it is not told of them: %s. If its context is "
    "larger, set LLM_CONTEXT_TOKENS. Or forbid tools that nobody needs, in TOOLS_FILE"
)
_MIN_SCALE, _MAX_SCALE = 0.3, 6.0
"""Range of the correction factor for estimated numbers of tokens."""
_SLACK = 1.05
"""Safety factor for the number of tokens that a refusal names: other messages of the same length may have more."""
_COUNT_SLACK = 1.1
"""Safety factor for the number of tokens that a server has counted: other messages of the same length may have more."""
_COUNT_SHARE = 0.4
"""If a conversation fills more than this share of the context, the server is asked to count its tokens."""
_ENOUGH_TO_COUNT = 100
"""A count corrects the estimate only if the conversation has at least this many estimated tokens."""
_SHRINK = 0.6
"""After a refusal without numbers, this share of the refused conversation is assumed to fit, or this share of the
context if the context is smaller."""
_SMALL_SHARE = 0.3
"""If a refusal names no limit, and the conversation fills less than this share of the context, its length is not the
reason."""


@dataclass(frozen=True, slots=True)
class FittedRequest:
    """A conversation that fits into the context window.

    Attributes:
        max_tokens: the limit for the answer, in tokens.
    """

    messages: tuple[ChatMessage, ...]
    max_tokens: int


class ContextWindow:
    """The context window of one model on one server: its size, and a correction for estimated numbers of tokens.

    Args:
        given: the size that the operator set, in tokens; ``None`` if the operator set none.
    """

    def __init__(self, given: int | None) -> None:
        self._given = given
        self._reported: int | None = None
        # The limit learned from refusals. It may be less than the size that the server reported.
        self._refused_limit: int | None = None
        # Correction factor for estimated numbers of tokens.
        self._scale = 1.0
        self._told: tuple[str, ...] = ()
        """The names of the left-out tools that were logged last."""

    @property
    def _size(self) -> int | None:
        known = [size for size in (self._given or self._reported, self._refused_limit) if size is not None]
        return min(known, default=None)

    @property
    def size(self) -> int:
        """The size in tokens: the smallest that is known, or :data:`ASSUMED_TOKENS`."""
        return self._size or ASSUMED_TOKENS

    def learn_size(self, size: int) -> None:
        """Remember the size that the server reported. If the operator has set a size, that size is used instead."""
        if size >= SMALLEST_TOKENS:
            self._reported = size

    def learn_count(self, messages: Sequence[ChatMessage], tokens: int) -> None:
        """Correct the estimate by the number of ``tokens`` that the server counted in ``messages``."""
        estimated = total_tokens(messages)
        if estimated >= _ENOUGH_TO_COUNT:
            self._scale = min(_MAX_SCALE, max(_MIN_SCALE, _COUNT_SLACK * tokens / estimated))

    def wants_count(self, messages: Sequence[ChatMessage]) -> bool:
        """Whether the server should count ``messages``, because they probably fill much of the context."""
        return self._reported is not None and total_tokens(messages) * self._scale > _COUNT_SHARE * self.size

    def note_tools_left_out(self, names: tuple[str, ...]) -> None:
        """Log which tools the model is not told of, because there is no room for them; the same ones only once."""
        if names and names != self._told:
            _log.warning(TOOLS_LEFT_OUT, self.size, ", ".join(names))
        self._told = names

    def fit(self, messages: Sequence[ChatMessage], max_tokens: int, beside: int = 0) -> FittedRequest:
        """Shorten the conversation so that it fits, with room for an answer.

        The answer gets ``max_tokens``, but at most half of the context. If the size is only assumed, the answer gets
        ``max_tokens`` in any case, and the newest message stays complete.

        Args:
            beside: estimated tokens of the prompt that are not in the messages: descriptions of tools.
        """
        room = max(1, min(max_tokens, self.size // 2))
        budget = max(1, self.size - room - round(beside * self._scale))
        kept = fit_messages(messages, budget, self._tokens, whole_newest=self._size is None)
        return FittedRequest(kept, max_tokens if self._size is None else room)

    def learn_refusal(self, refusal: LengthRefusal, sent: Sequence[ChatMessage], beside: int = 0) -> bool:
        """Learn from a refusal of the messages ``sent`` because of their length.

        Returns whether the conversation should be sent again, shortened by :meth:`fit`.

        Args:
            beside: estimated tokens of the refused prompt that were not in the messages.
        """
        estimated, known = total_tokens(sent) + beside, self._size
        assumed = estimated * self._scale
        if refusal.limit is None and assumed < max(SMALLEST_TOKENS, _SMALL_SHARE * (known or 0)):
            # The conversation is too short to fill the context. Something else filled it, such as the model's thoughts.
            return False
        longer = refusal.prompt is not None and refusal.prompt > assumed
        if longer and refusal.prompt is not None:
            self._scale = min(_MAX_SCALE, _SLACK * refusal.prompt / estimated)
        if refusal.limit is not None and (known is None or refusal.limit < known):
            self._refused_limit = max(SMALLEST_TOKENS, refusal.limit)
        elif not longer:
            self._refused_limit = max(SMALLEST_TOKENS, int(min(self.size, assumed) * _SHRINK))
        _log.warning("The conversation is too long for the model: from now on it is kept to %d tokens", self.size)
        return True

    def _tokens(self, message: ChatMessage) -> int:
        return round(message.tokens * self._scale)
