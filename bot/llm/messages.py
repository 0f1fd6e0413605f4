"""Chat messages, the names of the people in a conversation, and estimates of how many tokens a text has."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

from bot.llm.tool_calls import ToolCall

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True)
class ChatMessage:
    """One message of the conversation that a model is asked to continue.

    Attributes:
        calls: the tool calls of a message of the role "assistant". The next messages must be their results, one message
            of the role "tool" for each call.
        answers: the id of the tool call that produced this message. Only messages of the role "tool" have it.
    """

    role: Role
    content: str
    calls: tuple[ToolCall, ...] = ()
    answers: str = ""

    @property
    def about_tools(self) -> bool:
        """Whether the message contains a tool call or the result of one."""
        return bool(self.calls) or self.role == "tool"

    @cached_property
    def tokens(self) -> int:
        """Estimated number of tokens, with the tool calls and the tokens around it."""
        calls = sum(estimated_tokens(call.name + call.arguments) + TOKENS_PER_MESSAGE for call in self.calls)
        return estimated_tokens(self.content) + calls + TOKENS_PER_MESSAGE


@dataclass(frozen=True, slots=True)
class SpeakerNames:
    """The names that a model may write at the start of a line, as in "Ada: hello".

    Attributes:
        own: names of the persona that answers.
        others: names of the other people in the conversation.
    """

    own: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, own: Iterable[str], people: Iterable[str]) -> Self:
        """Build the names without duplicates. A person who has one of the ``own`` names is left out of ``others``."""
        ours = tuple(own)
        known = {name.casefold() for name in ours}
        return cls(ours, tuple(name for name in dict.fromkeys(people) if name.casefold() not in known))


NO_SPEAKERS = SpeakerNames()
"""For replies outside of any conversation: no names are removed from them."""


# Token counts are estimated, because asking the server for its own count would take a request before each reply.
CHARACTERS_PER_TOKEN = 3.0
TOKENS_PER_CJK_CHARACTER = 1.5
TOKENS_PER_MESSAGE = 4
"""Tokens that a chat template puts around each message."""

CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
    "\U0001f000-\U0001faff\U00020000-\U0003ffff]"
)
"""Matches one Chinese, Japanese or Korean character, an emoji, or the wide form of another character."""


def estimated_tokens(text: str) -> int:
    """Estimate the number of tokens in ``text``. The estimate is usually a little too high."""
    wide = 0 if text.isascii() else len(CJK.findall(text))
    return math.ceil(wide * TOKENS_PER_CJK_CHARACTER + (len(text) - wide) / CHARACTERS_PER_TOKEN)


def total_tokens(messages: Sequence[ChatMessage]) -> int:
    """Estimate the number of tokens in a conversation."""
    return sum([message.tokens for message in messages])
