"""A tool, and the person for whom it is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from bot.llm.tools import ToolDescription

Conversation = tuple[int, int | str | None]
"""The id of the server, and that of the channel or the call."""


class ToolError(Exception):
    """The tool could not do what was asked.

    The text is one sentence for the model, which tells people. This program has written it: what a server or a web page
    says of an error is a :class:`ToolResult` that is not trusted.
    """


class Effect(Enum):
    """What a call of a tool can change."""

    NONE = "none"
    """It only tells something: the time, a roll of dice, a search."""
    CHANGES = "changes"
    """It changes something: it sends a message, sets a reminder.

    After text from outside has come into a turn, such a tool runs only if the person's own words asked for it.
    """
    PRIVILEGED = "privileged"
    """It changes something, and needs a right that not everybody has: it leaves the call, sets a volume.

    It runs only if the person's own words asked for it. Otherwise somebody without the right could say what they want,
    and have it when the next person with the right says anything.
    """


@dataclass(frozen=True, slots=True)
class Asker:
    """The person whose words began a turn, and where they said them.

    Attributes:
        person: the user id; ``None`` if it is not known.
        name: the person's name.
        words: what they said or wrote.
        server: id of the Discord server, or of the channel of a private chat, for which voice and persona are chosen;
            0 on the page, 1 on the telephone.
        channel: id of the channel in which the bot answers in writing; ``None`` if there is none.
        call: id of the call in which they are; ``None`` outside of calls.
    """

    person: int | None
    name: str
    words: str
    server: int
    channel: int | None = None
    call: str | None = None

    @property
    def conversation(self) -> Conversation:
        """The conversation in which they are: a channel of Discord, or a call that has none."""
        return self.server, self.channel or self.call


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool has found out or done.

    Attributes:
        text: the result, for the model.
        trusted: whether this program wrote the text. Web pages, search results and MCP servers can say anything, so
            their texts are not trusted.
    """

    text: str
    trusted: bool = True


class Tool(Protocol):
    """A tool. It holds no state of a turn, so several of its calls can run at once."""

    @property
    def description(self) -> ToolDescription:
        """What the model is told about the tool."""
        ...

    @property
    def effect(self) -> Effect:
        """What a call can change."""
        ...

    def may_use(self, asker: Asker) -> bool:
        """Whether this person may use the tool. Tools that they may not use are not described to the model."""
        ...

    def asked_for(self, words: str, arguments: Mapping[str, Any]) -> bool:
        """Whether a person's own words ask for this call. This is called only for tools with an effect.

        Words that deny it ("don't leave") do not ask for it; see :func:`~bot.tools.negation.not_denied`.

        Args:
            arguments: the model's arguments. They fit the tool's schema roughly, and may be hostile in other ways.
        """
        ...

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """Run the tool. Cancelling ends it.

        Args:
            arguments: the model's arguments. They are hostile until they are checked.

        Raises:
            ToolError: it did not work.
        """
        ...


class ReadOnlyTool:
    """Base of tools that everybody may use and that change nothing: they only tell something."""

    effect = Effect.NONE

    def may_use(self, asker: Asker) -> bool:
        """Everybody may."""
        return True

    def asked_for(self, words: str, arguments: Mapping[str, Any]) -> bool:
        """This is never called, because the tool changes nothing."""
        return False
