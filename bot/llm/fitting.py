"""Making a conversation fit into a model's context: the oldest messages go first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.llm.messages import ChatMessage

MessageTokens = Callable[[ChatMessage], int]
"""How many tokens a message is."""

LEFT_OUT = "\n[… the middle of this message was too long and is left out …]\n"
"""Stands in a message that is too long by itself, so that the model knows."""
_SHORTEST = 60
"""Characters of a message that are always sent."""
_ROUNDS = 12


def fitted(
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
