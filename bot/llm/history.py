"""What was said in a conversation, as the people in it heard it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from bot.llm.cleaning import clean_name
from bot.llm.messages import ChatMessage

MAX_MESSAGES = 200
INTERRUPTED = "—"


def user_line(name: str, text: str) -> str:
    """What ``name`` said, as the model reads it: "NAME: text"."""
    return f"{clean_name(name)}: {text}"


def speakers(messages: Iterable[ChatMessage]) -> list[str]:
    """The names of the people who said these, oldest first, each once."""
    lines = (line for message in messages if message.role == "user" for line in message.content.splitlines())
    return list(dict.fromkeys(name for name, colon, _ in (line.partition(": ") for line in lines) if colon))


class History:
    """The last messages, oldest first; older ones than ``max_messages`` are forgotten.

    A reply goes in only as far as it was heard, so that the model never refers to words that nobody knows.
    """

    def __init__(self, max_messages: int = MAX_MESSAGES) -> None:
        self._messages: deque[ChatMessage] = deque(maxlen=max_messages)
        self._recent = 0
        """How many messages :meth:`recent` has told, and those that came since."""

    def add_user(self, name: str, text: str) -> None:
        """A person said or typed ``text``, which is clean already."""
        self._add(ChatMessage("user", user_line(name, text)))

    def add_reply(self, text: str) -> None:
        """A reply that was heard to its end."""
        if text.strip():
            self._add(ChatMessage("assistant", text.strip()))

    def add_interrupted_reply(self, heard: str) -> None:
        """A reply that was cut short after ``heard``; one of which nothing was heard leaves no trace."""
        if heard.strip():
            self._add(ChatMessage("assistant", heard.strip() + INTERRUPTED))

    def forget_interrupted(self) -> None:
        """Forget the replies that were cut short."""
        self._recent = len(_whole(self.newest(self._recent)))
        kept = _whole(self._messages)
        self._messages.clear()
        self._messages.extend(kept)

    def recent(self, most: int, least: int) -> tuple[ChatMessage, ...]:
        """The last ``most`` messages at most; where there are more, they are cut back to ``least`` of them.

        So the beginning stays the same for a few turns, and with it what the server's prompt cache knows.
        """
        if self._recent > most:
            self._recent = min(least, most)
        return self.newest(self._recent)

    def _add(self, message: ChatMessage) -> None:
        self._messages.append(message)
        self._recent += 1

    def newest(self, count: int) -> tuple[ChatMessage, ...]:
        """The last ``count`` messages, oldest first."""
        return tuple(self._messages)[-count:] if count > 0 else ()

    def clear(self) -> None:
        """Forget everything."""
        self._messages.clear()
        self._recent = 0

    def __len__(self) -> int:
        return len(self._messages)


def _whole(messages: Iterable[ChatMessage]) -> list[ChatMessage]:
    return [each for each in messages if each.role != "assistant" or not each.content.endswith(INTERRUPTED)]
