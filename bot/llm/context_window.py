"""Context windows: estimates how many tokens a model accepts, and shortens conversations that are too long."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.llm.errors import LengthRefusal
from bot.llm.messages import ChatMessage, total_tokens

_log = logging.getLogger(__name__)

MessageTokens = Callable[[ChatMessage], int]
"""A function that estimates the number of tokens in a message."""

LEFT_OUT = "\n[… the middle of this message was too long and is left out …]\n"
"""Replaces the middle of a message that is too long, so that the model knows that something is missing."""
_MIN_CHARACTERS = 60
"""A message that is shortened keeps at least this many of its own characters."""
_MAX_ATTEMPTS = 12
"""Maximum number of attempts to shorten one message."""


def fit_messages(
    messages: Sequence[ChatMessage], budget: int, tokens: MessageTokens, *, whole_newest: bool = False
) -> tuple[ChatMessage, ...]:
    """Shorten a conversation to ``budget`` tokens.

    The system messages at the beginning and the newest message are kept. The newest of the other messages are kept too
    if they fit. The first of these is a message of the user, because many chat templates require that. If the newest
    message alone is too long, its middle is left out, because a message often begins with its subject and ends with a
    question. The newest message gets at least a quarter of the budget, even if the system messages are long.

    If the newest messages are results of tools, they are kept together with the tool calls and the message that led to
    them, because a server refuses a result without its call and a call without its results. If the newest message is
    the beginning of the answer, it is kept together with the question.

    Args:
        tokens: estimates the tokens in one message.
        whole_newest: keep the newest message complete, even if it is too long.
    """
    if sum(map(tokens, messages)) <= budget:
        return tuple(messages)
    head = _system_messages(messages)
    begin = _begin_of_newest(messages, len(head))
    earlier, newest = messages[len(head) : begin], messages[begin:]
    left = budget - sum(map(tokens, head))
    size = sum(map(tokens, newest))
    if size > left:
        return (*head, *(newest if whole_newest else _longest_shortened(newest, max(left, budget // 4), tokens)))
    return (*head, *_newest_that_fit(earlier, left - size, tokens), *newest)


def _system_messages(messages: Sequence[ChatMessage]) -> Sequence[ChatMessage]:
    count = next((place for place, message in enumerate(messages) if message.role != "system"), len(messages))
    return messages[: min(count, len(messages) - 1)]


def _begin_of_newest(messages: Sequence[ChatMessage], first: int) -> int:
    """Index of the newest message, or of the one that led to the tool calls or the answer at the end."""
    place = len(messages) - 1
    while place > first and (messages[place].about_tools or messages[place].role == "assistant"):
        place -= 1
    return place


def _longest_shortened(messages: Sequence[ChatMessage], budget: int, tokens: MessageTokens) -> Sequence[ChatMessage]:
    longest = max(messages, key=tokens)
    rest = sum(map(tokens, messages)) - tokens(longest)
    return [_shortened(each, budget - rest, tokens) if each is longest else each for each in messages]


def _newest_that_fit(messages: Sequence[ChatMessage], budget: int, tokens: MessageTokens) -> Sequence[ChatMessage]:
    first = len(messages)
    while first > 0 and (budget := budget - tokens(messages[first - 1])) >= 0:
        first -= 1
    while first < len(messages) and messages[first].role != "user":
        first += 1
    return messages[first:]


def _shortened(message: ChatMessage, budget: int, tokens: MessageTokens) -> ChatMessage:
    """Leave out the middle of a message, so that at most ``budget`` tokens are left if possible."""
    text = message.content
    kept = len(text)
    shorter = message
    for _ in range(_MAX_ATTEMPTS):
        size = tokens(shorter)
        if size <= budget or kept <= _MIN_CHARACTERS:
            break
        kept = max(_MIN_CHARACTERS, min(kept - 1, int(kept * max(budget, 1) / size)))
        beginning = kept - kept // 2
        shorter = replace(message, content=text[:beginning] + LEFT_OUT + text[len(text) - kept // 2 :])
    return shorter if len(shorter.content) < len(text) else message


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
        """The tools without room that were logged last."""

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
        """Whether the server should count ``messages``, because their estimated length is near the limit."""
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
