"""A conversation of any length, for tests of how a conversation that is too long is shortened."""

from __future__ import annotations

from bot.llm.messages import ChatMessage

SYSTEM = ChatMessage("system", "You are Mika.")


def talk(count: int, text: str = "word " * 12) -> list[ChatMessage]:
    """A conversation: a system message, messages of user and assistant in turn, and a last one of the user."""
    roles = ["assistant" if place % 2 else "user" for place in range(count)]
    earlier = [ChatMessage("assistant" if role == "assistant" else "user", text) for role in roles]
    return [SYSTEM, *earlier, ChatMessage("user", "Ann: and now?")]
