"""What one request to a model held: its parts in estimated tokens, and what was cut because it did not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.llm.messages import ChatMessage, estimated_tokens, total_tokens

HEAD = "Persona and rules"
"""Name of the part of a system prompt before its sections."""


@dataclass(frozen=True, slots=True)
class PromptReport:
    """What one request held. All numbers of tokens are estimates.

    Attributes:
        context_tokens: the size of the model's context window, as far as it is known.
        answer_tokens: the limit for the answer.
        messages: the messages that were sent.
        tools: the names of the tools that were described.
        tool_tokens: the tokens of their descriptions.
        left_out_messages: how many of the earlier messages were left out.
        shortened: whether the middle of a message was left out.
        left_out_tools: the names of the tools that were not described, because there was no room for them.
    """

    context_tokens: int
    answer_tokens: int
    messages: tuple[ChatMessage, ...]
    tools: tuple[str, ...] = ()
    tool_tokens: int = 0
    left_out_messages: int = 0
    shortened: bool = False
    left_out_tools: tuple[str, ...] = ()

    @property
    def prompt_tokens(self) -> int:
        """The tokens of the whole prompt."""
        return total_tokens(self.messages) + self.tool_tokens

    @property
    def history_tokens(self) -> int:
        """The tokens of the conversation before the newest words of a person."""
        return total_tokens(self._conversation[: self._newest])

    @property
    def newest_tokens(self) -> int:
        """The tokens of the newest words of a person, and of the tool calls and results after them."""
        return total_tokens(self._conversation[self._newest :])

    @property
    def sections(self) -> Mapping[str, int]:
        """The tokens of each part of the system prompt, by the part's heading.

        The part before the first heading is called :data:`HEAD`.
        """
        text = "\n\n".join(message.content for message in self.messages if message.role == "system")
        head, *rest = text.split("\n\n## ")
        named = {part.partition("\n")[0]: part for part in rest}
        parts = {HEAD: head, **named} if head else named
        return {name: estimated_tokens(part) for name, part in parts.items()}

    @property
    def _conversation(self) -> tuple[ChatMessage, ...]:
        return tuple(message for message in self.messages if message.role != "system")

    @property
    def _newest(self) -> int:
        """Index of the newest message of a person in the conversation."""
        said = [index for index, message in enumerate(self._conversation) if message.role == "user"]
        return said[-1] if said else 0
