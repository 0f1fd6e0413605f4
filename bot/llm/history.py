"""What was said in a conversation, as the people in it heard it: the one history of calls and of chat."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from bot.llm.cleaning import clean_name
from bot.llm.messages import ChatMessage, message_tokens
from bot.llm.tool_calls import ToolCall

MAX_TURNS = 200
INTERRUPTED = "—"


def user_line(name: str, text: str) -> str:
    """What ``name`` said, as the model reads it: "NAME: text"."""
    return f"{clean_name(name)}: {text}"


def speakers_of_messages(messages: Iterable[ChatMessage]) -> list[str]:
    """The names of the people who said these, oldest first, each once."""
    lines = (line for message in messages if message.role == "user" for line in message.content.splitlines())
    return list(dict.fromkeys(name for name, colon, _ in (line.partition(": ") for line in lines) if colon))


@dataclass(frozen=True, slots=True)
class Turn:
    """What one person said, the bot answered, or a tool returned.

    Attributes:
        speaker: the name of who said it; of the bot, only where it matters under which name it spoke.
        text: as it was heard or read: of a reply that was interrupted, its beginning.
        person: the user id of who said it; ``None`` for the bot and for tools.
        interrupted: more was to be said, and nobody knows it.
        calls: the tools that the bot called in this turn.
        answers: the id of the call that a tool's turn answers.
    """

    role: Literal["user", "assistant", "tool"]
    speaker: str
    text: str
    person: int | None = None
    interrupted: bool = False
    calls: tuple[ToolCall, ...] = ()
    answers: str = ""

    @classmethod
    def of_person(cls, name: str, text: str, person: int | None = None) -> Self:
        """What somebody said or wrote; ``text`` is clean already."""
        return cls("user", clean_name(name), text, person)

    @classmethod
    def of_bot(cls, text: str, *, interrupted: bool = False, name: str = "") -> Self:
        """A reply, as far as it was heard."""
        return cls("assistant", name, text.strip(), interrupted=interrupted)

    @property
    def message(self) -> ChatMessage:
        """The same as a model reads it."""
        match self.role:
            case "user":
                return ChatMessage("user", user_line(self.speaker, self.text))
            case "assistant":
                return ChatMessage("assistant", self.text + (INTERRUPTED if self.interrupted else ""), self.calls)
            case "tool":
                return ChatMessage("tool", self.text, answers=self.answers)


def speakers_of_turns(turns: Iterable[Turn]) -> list[str]:
    """The names of the people who said these, oldest first, each once."""
    return list(dict.fromkeys(turn.speaker for turn in turns if turn.role == "user"))


class History:
    """The last turns of a conversation, oldest first; older ones than ``max_turns`` are forgotten.

    A reply goes in only as far as it was heard, so that the model never refers to words that nobody knows. One of which
    nothing was heard leaves no trace. A call has a history in memory, which ends with it; the chat reads that of a
    channel from the database for each answer, since it outlives the process.
    """

    def __init__(self, turns: Iterable[Turn] = (), max_turns: int = MAX_TURNS) -> None:
        self._turns: deque[Turn] = deque(maxlen=max_turns)
        self._recent = 0
        """How many turns :meth:`recent` has told, and those that came since."""
        self._thoughts: list[Sequence[str]] = []
        for turn in turns:
            self.add(turn)

    def add(self, turn: Turn) -> None:
        """Somebody has said this; of the bot, what it has said of a thought stays out."""
        if turn.role == "assistant" and not turn.calls and (not turn.text or self._is_thought(turn.text)):
            return
        self._turns.append(turn)
        self._recent += 1

    def drop_thought(self, text: str) -> None:
        """The model was found to have said a thought aloud: a reply that begins like it stays out from now on.

        Of replies that were cut short before, nobody saw whether they were thoughts: they are forgotten.
        """
        self._thoughts.append(text.split())
        self._keep([turn for turn in self._turns if not turn.interrupted])

    def forget(self, person: int) -> None:
        """Keep nothing that this person has said."""
        self._keep([turn for turn in self._turns if turn.person != person])

    def newest(self, count: int) -> tuple[Turn, ...]:
        """The last ``count`` turns."""
        return tuple(self._turns)[-count:] if count > 0 else ()

    def recent(self, most: int, least: int, tokens: float = math.inf) -> tuple[Turn, ...]:
        """What a model is to see of it: the last ``most`` turns, and of those as many as ``tokens`` tokens hold.

        Where there are more than ``most``, they are cut back to ``least``. So the beginning stays the same for a few
        turns, and with it what the server's prompt cache knows.
        """
        if self._recent > most:
            self._recent = min(least, most)
        turns = self.newest(self._recent)
        first = len(turns)
        while first > 0 and (tokens := tokens - message_tokens(turns[first - 1].message)) >= 0:
            first -= 1
        return turns[first:]

    def _keep(self, turns: Sequence[Turn]) -> None:
        kept = set(map(id, turns))
        self._recent = sum(id(turn) in kept for turn in self.newest(self._recent))
        self._turns.clear()
        self._turns.extend(turns)

    def _is_thought(self, text: str) -> bool:
        words = text.split()
        return any(words and thought and _begin_alike(words, thought) for thought in self._thoughts)


def _begin_alike(words: Sequence[str], others: Sequence[str]) -> bool:
    """Whether one is the beginning of the other; the last word of ``words`` may be cut off."""
    shorter = min(len(words), len(others))
    return words[: shorter - 1] == others[: shorter - 1] and others[shorter - 1].startswith(words[shorter - 1])
