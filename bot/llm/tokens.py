"""How long a text is for a model, estimated: a server's own count would cost a request before each reply."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from bot.llm.messages import ChatMessage

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
