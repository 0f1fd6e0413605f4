"""Compares the token counts that a model server reports with the texts that were sent to it and came from it.

The daily limits count these tokens, so one false report could use up a day's limit for everybody.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.llm.messages import ChatMessage
from bot.llm.tools import ToolDescription
from bot.llm.usage import TokenUsage

_log = logging.getLogger(__name__)

MESSAGE_TOKENS = 64
"""Maximum number of tokens that a chat template puts around a message or a tool."""
SERVER_TOKENS = 2_000
"""Maximum number of tokens that a server adds to a prompt of its own accord, such as its rules for tools."""
HIDDEN_TOKENS = 32_768
"""Maximum number of tokens that are believed in addition to an answer: thoughts of the model that were not sent."""
DISBELIEVED = (
    "%s reports %s tokens for one reply, which can't be: at most %s are plausible. Reports like this are replaced by "
    "estimates, and this is logged once"
)


class UsageCheck:
    """Leaves out those token counts of one server that can't be true. The first of them is logged.

    Every token stands for one byte of text at least. So a prompt has at most as many tokens as bytes, and some more
    around each message. An answer may have thoughts that are counted but not sent; they are believed up to a limit.

    Args:
        server: the server's shown name.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._logged = False

    def believed(self, usage: TokenUsage, most_prompt: int, answer_bytes: int, answer_limit: int) -> TokenUsage:
        """The counts that may be true; ``None`` in place of the others.

        Args:
            most_prompt: the greatest number of tokens that the prompt may have.
            answer_bytes: length of the answer that has come, in bytes.
            answer_limit: the limit for the answer that the server was told, in tokens.
        """
        most_answer = max(answer_bytes, answer_limit) + HIDDEN_TOKENS
        if usage.prompt_tokens is not None and usage.prompt_tokens > most_prompt:
            self._log(usage.prompt_tokens, most_prompt)
            usage = replace(usage, prompt_tokens=None, cached_tokens=None)
        if usage.answer_tokens is not None and usage.answer_tokens > most_answer:
            self._log(usage.answer_tokens, most_answer)
            usage = replace(usage, answer_tokens=None)
        return usage

    def _log(self, reported: int, most: int) -> None:
        if not self._logged:
            self._logged = True
            _log.warning(DISBELIEVED, self._server, f"{reported:,}", f"{most:,}")


def most_prompt_tokens(messages: Sequence[ChatMessage], tools: Iterable[ToolDescription] = ()) -> int:
    """The greatest number of tokens that a prompt of these messages may have."""
    calls = [call for message in messages for call in message.calls]
    texts = [message.content for message in messages]
    texts += [f"{call.name}{call.arguments}" for call in calls]
    texts += [f"{tool.name}{tool.text}{tool.parameters}" for tool in tools]
    return byte_count(texts) + MESSAGE_TOKENS * len(texts) + SERVER_TOKENS


def byte_count(texts: Iterable[str]) -> int:
    """Length of all texts in bytes."""
    return sum(len(text.encode(errors="replace")) for text in texts)
