"""Tools, as a language model sees them: what it may call in one turn, and who runs its calls."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from bot.llm.history import Turn
from bot.llm.messages import estimated_tokens
from bot.llm.recollection import NOTHING, Recollection
from bot.llm.tool_calls import ToolCall


@dataclass(frozen=True)
class ToolDescription:
    """A tool as it is described to the model. Its JSON is made only once, since it is a part of every prompt.

    Attributes:
        name: the name by which the model calls it: letters, digits, ``_`` and ``-``, at most 64 of them.
        text: what the tool does, and when to use it. For the model.
        parameters: the JSON schema of the arguments, an object.
    """

    name: str
    text: str
    parameters: Mapping[str, Any]

    @cached_property
    def fields(self) -> Mapping[str, Any]:
        """The description as JSON, without the object around it that the chat API expects."""
        return {"name": self.name, "description": self.text, "parameters": self.parameters}

    @cached_property
    def as_json(self) -> Mapping[str, Any]:
        """The description as the chat API takes it, in the field ``tools``."""
        return {"type": "function", "function": self.fields}

    @cached_property
    def tokens(self) -> int:
        """Estimated number of tokens."""
        return estimated_tokens(json.dumps(self.as_json, ensure_ascii=False))


class TurnTools(Protocol):
    """The tools of one turn, with the rights of the person whose words began the turn."""

    @property
    def descriptions(self) -> Sequence[ToolDescription]:
        """The tools that this person may use, in an order that stays the same, so that the prompt cache is used."""
        ...

    async def run(self, call: ToolCall) -> str:
        """Run a call, and return its result as text for the model: at most some thousand characters.

        For a call that is not allowed, not known, too slow or that failed, the result is a sentence that says so.
        Cancelling this method ends the tool. It raises nothing but ``CancelledError``.
        """
        ...


class _NoTools:
    """The tools of a turn without tools."""

    descriptions: Sequence[ToolDescription] = ()

    async def run(self, call: ToolCall) -> str:
        return f"There is no tool of the name {call.name}."


NO_TOOLS: TurnTools = _NoTools()
"""For turns without tools."""


class Toolbox(Protocol):
    """All tools of a call or chat."""

    def for_turn(self, asked: Turn, earlier: Sequence[Turn] = (), *, recollection: Recollection = NOTHING) -> TurnTools:
        """The tools that the model may use to answer ``asked``.

        Args:
            earlier: the earlier turns that the model also sees.
            recollection: what is recalled for ``asked``. Other people wrote these words, so they are no reason to run a
                tool.
        """
        ...


class Toolboxes(Protocol):
    """The toolboxes of all places where people talk with the bot."""

    def at(self, server: int, channel: int | None = None, *, patient: bool = False, call: str | None = None) -> Toolbox:
        """The tools of one place.

        Args:
            server: id of the Discord server, or of the channel of a private chat, for which persona and voice are
                chosen; 0 on the page, 1 on the telephone.
            channel: id of the channel in which the bot answers in writing; ``None`` if there is none.
            patient: whether tools may take minutes, because results can be told after their turn.
            call: id of the call in which people talk with the bot; ``None`` outside of calls.
        """
        ...


def toolbox_at(
    toolboxes: Toolboxes | None,
    server: int,
    channel: int | None = None,
    *,
    patient: bool = False,
    call: str | None = None,
) -> Toolbox | None:
    """The tools of one place; ``None`` if there are no tools at all."""
    return None if toolboxes is None else toolboxes.at(server, channel, patient=patient, call=call)
