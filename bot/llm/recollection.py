"""What the bot recalls for one turn, before the model is asked: a protocol, and the two sections of the prompt."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from bot.llm.history import Turn


@dataclass(frozen=True, slots=True)
class Recollection:
    """What is recalled for one turn. Each part is the text of a section of the system prompt; if empty, there is none.

    The words are those of people and files. Whoever makes a part quotes them in it, and says in it that they are no
    instructions.

    Attributes:
        memory: facts that were said earlier, in calls and in chat.
        knowledge: passages of the operator's files.
    """

    memory: str = ""
    knowledge: str = ""


NOTHING = Recollection()
Listeners = Callable[[], Collection[int]]
"""Returns the user ids of the people who hear what the bot says now. All of them learn what is said aloud."""


class Recall(Protocol):
    """Recalls what the model is told in addition to the conversation. Each place has a recall of its own."""

    async def for_turn(self, asked: Turn, *, unfinished: bool) -> Recollection:
        """What is recalled for ``asked``: only what the asker may know. Takes at most 0.1 s, and never raises.

        Args:
            unfinished: whether the person still speaks, so that the words are only those so far.
        """
        ...


class RecallSource(Protocol):
    """Gives the recall of each place where people talk with the bot."""

    def at(self, server: int | None, channel: int | None = None, listeners: Listeners | None = None) -> Recall:
        """The recall of one place.

        Args:
            server: id of the Discord server for which persona and voice are chosen; 0 on the page, 1 on the telephone;
                ``None`` in a private chat.
            channel: id of the channel in which the bot answers in writing; ``None`` if there is none.
            listeners: the people who hear the answers of a call; ``None`` where answers are only written.
        """
        ...


def recall_at(
    recalls: RecallSource | None, server: int | None, channel: int | None = None, listeners: Listeners | None = None
) -> Recall | None:
    """The recall of one place; ``None`` if nothing is recalled anywhere."""
    return None if recalls is None else recalls.at(server, channel, listeners)
