"""The context window of a model: how many tokens fit, and shortening a conversation that is too long."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.llm.errors import LengthRefusal
from bot.llm.messages import ChatMessage, message_tokens, total_tokens

_log = logging.getLogger(__name__)

MessageTokens = Callable[[ChatMessage], int]
"""How many tokens a message is."""

LEFT_OUT = "\n[… the middle of this message was too long and is left out …]\n"
"""Stands in a message that is too long by itself, so that the model knows."""
_SHORTEST = 60
"""Characters of a message that are always sent."""
_ROUNDS = 12


def fit_messages(
    messages: Sequence[ChatMessage], budget: int, tokens: MessageTokens, *, whole_newest: bool = False
) -> tuple[ChatMessage, ...]:
    """As much of ``messages`` as fits into ``budget`` tokens.

    The system messages at the beginning and the newest message stay; of the others, the newest that fit. What is kept
    begins with the user, since many chat templates want it so. A newest message that is too long by itself loses its
    middle, unless ``whole_newest``: the beginning says what it is about, and the question often stands at the end. It
    keeps a quarter of the budget, however long the system messages are.

    Where the newest messages tell what tools returned, the question stays with them: a server refuses a result without
    its call, and a call without its results.
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
    """Where the newest message begins, or the exchange with tools that ends the conversation."""
    place = len(messages) - 1
    while place > first and messages[place].about_tools:
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
    """The message without its middle, at most ``budget`` tokens long as far as that can be."""
    text = message.content
    kept = len(text)
    shorter = message
    for _ in range(_ROUNDS):
        size = tokens(shorter)
        if size <= budget or kept <= _SHORTEST:
            break
        kept = max(_SHORTEST, min(kept - 1, int(kept * max(budget, 1) / size)))
        beginning = kept - kept // 2
        shorter = replace(message, content=text[:beginning] + LEFT_OUT + text[len(text) - kept // 2 :])
    return shorter if len(shorter.content) < len(text) else message


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

    def learn_size(self, size: int) -> None:
        """The server was asked, and says this; what the operator set wins."""
        if size >= SMALLEST_TOKENS:
            self._told = size

    def learn_count(self, messages: Sequence[ChatMessage], tokens: int) -> None:
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
        kept = fit_messages(messages, self.size - room, self._tokens, whole_newest=self._size is None)
        return FittedRequest(kept, max_tokens if self._size is None else room)

    def learn_refusal(self, refusal: LengthRefusal, sent: Sequence[ChatMessage]) -> bool:
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
