"""What is said to a model: one message of a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
