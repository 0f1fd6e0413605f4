"""Truncation of conversations: leaves out what is old, or the middle of a message, to fit into a number of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.llm.messages import ChatMessage

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
        whole_newest: whether the newest message is kept complete, even if it is too long.
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
