"""The history of a conversation, as the people in it heard or read it. Calls and the text chat both use it."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Self

from bot.llm.cleaning import clean_name
from bot.llm.messages import ChatMessage
from bot.llm.tool_calls import ToolCall

MAX_TURNS = 200
"""Maximum number of turns that a history keeps."""
INTERRUPTED = "—"
"""Mark at the end of an interrupted reply, in the messages that the model reads."""


def user_line(name: str, text: str) -> str:
    """A person's line as the model reads it: "NAME: text"."""
    return f"{clean_name(name)}: {text}"


def speakers_of_messages(messages: Iterable[ChatMessage]) -> list[str]:
    """Names of the people who wrote the messages, each once, in the order in which they first appear."""
    lines = (line for message in messages if message.role == "user" for line in message.content.splitlines())
    return list(dict.fromkeys(name for name, colon, _ in (line.partition(": ") for line in lines) if colon))


@dataclass(frozen=True)
class Turn:
    """One turn of a conversation: words of a person, a reply of the bot, or the result of a tool.

    Attributes:
        speaker: the name of the person. For the bot it is usually empty; it is set if the bot spoke under another name.
        text: the text as it was heard or read. An interrupted reply is cut off where people stopped hearing it.
        person: the person's user id; ``None`` for the bot and for tools.
        interrupted: whether the reply was cut off.
        calls: the tool calls that the bot made in this turn.
        answers: the id of the tool call that produced this turn. Only turns of the role "tool" have it.
        results: the tool calls that these words led to, with their results, if the results came only after the words
            had been answered. No history keeps them.
        typed: whether the person typed the words. Only stored conversations know it.
        asker: for a turn of the bot: user id of the person whom it answers, or whose words it reads aloud; ``None`` if
            that is not known. It is forgotten together with that person's words, which it may repeat.
    """

    role: Literal["user", "assistant", "tool"]
    speaker: str
    text: str
    person: int | None = None
    interrupted: bool = False
    calls: tuple[ToolCall, ...] = ()
    answers: str = ""
    results: tuple[ChatMessage, ...] = ()
    typed: bool = False
    # What was said is the same, whoever was answered.
    asker: int | None = field(default=None, compare=False)

    @classmethod
    def of_person(cls, name: str, text: str, person: int | None = None) -> Self:
        """A turn of a person. ``text`` must be cleaned already (:func:`~bot.llm.cleaning.clean_prompt`)."""
        return cls("user", clean_name(name), text, person)

    @classmethod
    def of_bot(cls, text: str, *, interrupted: bool = False, name: str = "", asker: int | None = None) -> Self:
        """A turn of the bot. ``text`` is the part of the reply that people heard or read."""
        return cls("assistant", name, text.strip(), interrupted=interrupted, asker=asker)

    @cached_property
    def message(self) -> ChatMessage:
        """The turn as a message for the model."""
        match self.role:
            case "user":
                return ChatMessage("user", user_line(self.speaker, self.text))
            case "assistant":
                return ChatMessage("assistant", self.text + (INTERRUPTED if self.interrupted else ""), self.calls)
            case "tool":
                return ChatMessage("tool", self.text, answers=self.answers)


def speakers_of_turns(turns: Iterable[Turn]) -> list[str]:
    """Names of the people who said the turns, each once, in the order in which they first appear."""
    return list(dict.fromkeys([turn.speaker for turn in turns if turn.role == "user"]))


class History:
    """The last ``max_turns`` turns of a conversation, oldest first. Not thread-safe.

    Only the part of a reply that people heard is kept, so that the model never refers to words that nobody knows. If
    nothing of a reply was heard, the reply is not kept. A call's history is in memory and ends with the call. The text
    chat reads a channel's history from the database for each answer, because that history outlives the process.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        turns: Iterable[Turn] = (),
        max_turns: int = MAX_TURNS,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._turns: deque[Turn] = deque(maxlen=max_turns)
        self._clock = clock
        self._added_at = -math.inf
        self._recent = 0
        """Number of turns in the last result of :meth:`recent`, plus the turns that were added since."""
        self._thoughts: list[Sequence[str]] = []
        for turn in turns:
            self.add(turn)

    def add(self, turn: Turn) -> None:
        """Append a turn. An empty reply is left out, and so is a reply that begins like a dropped thought."""
        if turn.role == "assistant" and not turn.calls and (not turn.text or self._is_thought(turn.text)):
            return
        self._turns.append(turn)
        self._added_at = self._clock()
        self._recent += 1

    def drop_thought(self, text: str) -> None:
        """Keep a thought out of the history: the model said ``text`` aloud, and only then showed that it was a thought.

        From now on, :meth:`add` leaves out replies that begin like ``text``. Interrupted replies are removed from the
        history, because they may have been thoughts too.
        """
        self._thoughts.append(text.split())
        self._keep([turn for turn in self._turns if not turn.interrupted])

    def forget(self, person: int) -> None:
        """Remove everything that this person said, and the answers to it."""
        self._keep([turn for turn in self._turns if person not in (turn.person, turn.asker)])

    def last_exchange(self, person: int) -> tuple[Turn, ...]:
        """The last turn of a person, and the answer to it; empty if the person has said nothing."""
        turns = tuple(self._turns)
        begin = next((at for at in range(len(turns) - 1, -1, -1) if turns[at].person == person), None)
        if begin is None:
            return ()
        after = (at for at in range(begin + 1, len(turns)) if turns[at].role == "user")
        return turns[begin : next(after, len(turns))]

    def remove(self, turns: Sequence[Turn]) -> None:
        """Remove some turns of this history."""
        removed = set(map(id, turns))
        self._keep([turn for turn in self._turns if id(turn) not in removed])

    def take_back(self, turn: Turn) -> None:
        """Remove the newest turn that equals ``turn``. Does nothing if there is none."""
        self.remove([each for each in self._turns if each == turn][-1:])

    def forget_words(self, has: Callable[[str], bool]) -> None:
        """Remove the turns with words that are to be forgotten. ``has`` tells whether a text has such words."""
        self._keep([turn for turn in self._turns if not has(turn.text)])

    def newest(self, count: int, within: float = math.inf) -> tuple[Turn, ...]:
        """The last ``count`` turns; none if the newest one was added more than ``within`` seconds ago."""
        if self._clock() - self._added_at > within:
            return ()
        return tuple(self._turns)[-count:] if count > 0 else ()

    def recent(self, most: int, least: int, tokens: float = math.inf) -> tuple[Turn, ...]:
        """The turns that the model is shown: at most the last ``most``, with at most ``tokens`` tokens (estimated).

        When there are more than ``most``, only the last ``least`` are shown, and their number grows again with each new
        turn. This way the first shown turn stays the same for a while, and the server can reuse its prompt cache.
        """
        if self._recent > most:
            self._recent = min(least, most)
        turns = self.newest(self._recent)
        first = len(turns)
        while first > 0 and (tokens := tokens - turns[first - 1].message.tokens) >= 0:
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
    """Whether one list is the beginning of the other. The last word of ``words`` may be incomplete."""
    shorter = min(len(words), len(others))
    return words[: shorter - 1] == others[: shorter - 1] and others[shorter - 1].startswith(words[shorter - 1])
