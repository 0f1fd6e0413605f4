"""Chat messages, the names of the people in a conversation, and estimates of how many tokens a text has."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from bot.llm.tool_calls import ToolCall

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the conversation that a model is asked to go on with.

    ``calls`` are the tools that a message of the assistant calls. Each is answered by a message of the role "tool", of
    which ``answers`` is the call's id; they follow at once.
    """

    role: Role
    content: str
    calls: tuple[ToolCall, ...] = ()
    answers: str = ""

    @property
    def about_tools(self) -> bool:
        """Whether it calls a tool, or tells what one returned."""
        return bool(self.calls) or self.role == "tool"


@dataclass(frozen=True, slots=True)
class SpeakerNames:
    """The names under which a model may write a line.

    Attributes:
        own: what the one who answers is called.
        others: what the other people in the conversation are called.
    """

    own: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, own: Iterable[str], people: Iterable[str]) -> Self:
        """The same from any names: each once, and nobody is called what the one who answers is called."""
        ours = tuple(own)
        known = {name.casefold() for name in ours}
        return cls(ours, tuple(name for name in dict.fromkeys(people) if name.casefold() not in known))


NO_SPEAKERS = SpeakerNames()
"""For replies in no conversation: no name is taken out of them."""


CHARACTERS_PER_TOKEN = 3.0
TOKENS_PER_CJK_CHARACTER = 1.5
TOKENS_PER_MESSAGE = 4
"""The marks with which a chat template surrounds a message."""

# Chinese, Japanese and Korean: kana, ideographs, hangul, and the wide forms of other characters.
_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
    "\U0001f000-\U0001faff\U00020000-\U0003ffff]"
)


def estimated_tokens(text: str) -> int:
    """The tokens of ``text``, rather too many than too few."""
    wide = len(_CJK.findall(text))
    return math.ceil(wide * TOKENS_PER_CJK_CHARACTER + (len(text) - wide) / CHARACTERS_PER_TOKEN)


def message_tokens(message: ChatMessage) -> int:
    """The same for a message, with what surrounds it."""
    calls = sum(estimated_tokens(call.name + call.arguments) + TOKENS_PER_MESSAGE for call in message.calls)
    return estimated_tokens(message.content) + calls + TOKENS_PER_MESSAGE


def total_tokens(messages: Sequence[ChatMessage]) -> int:
    """The same for a whole conversation."""
    return sum(map(message_tokens, messages))
