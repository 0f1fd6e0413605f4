"""The tool ``look_at_picture``: looks at the newest picture in the channel that belongs to the conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bot.llm.tools import ToolDescription
from bot.text import shorten
from bot.tools.tool import Asker, ReadOnlyTool, ToolError, ToolResult

MAX_QUESTION = 400
"""Maximum number of characters of a question."""
DESCRIPTION = ToolDescription(
    "look_at_picture",
    "Looks at the newest picture or video that was posted in the text channel of this conversation, and describes it.",
    {
        "type": "object",
        "properties": {
            "question": {"type": "string", "description": "What to look for; leave it out for a description."}
        },
        "additionalProperties": False,
    },
)


class PictureError(Exception):
    """The picture can't be looked at. The text says why."""


class Pictures(Protocol):
    """Looks at pictures."""

    async def describe_last(self, channel: int, question: str) -> str | None:
        """Describe the newest picture in a channel.

        Args:
            question: what is to be looked for; "" for a description.

        Returns:
            ``None`` if there is no picture among the newest messages.

        Raises:
            PictureError: the picture can't be looked at.
        """
        ...


class LookAtPicture(ReadOnlyTool):
    """Looks at pictures."""

    description = DESCRIPTION

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    def may_use(self, asker: Asker) -> bool:
        """Pictures are looked at only where there is a channel for them. The page has none: its channel id is 0."""
        return bool(asker.channel)

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """Look at the newest picture, to answer a ``question`` about it.

        Raises:
            ToolError: there is none, or it can't be looked at.
        """
        if asker.channel is None:
            raise ToolError("There is no channel with pictures here.")
        question = shorten(" ".join(str(arguments.get("question") or "").split()), MAX_QUESTION)
        try:
            seen = await self._pictures.describe_last(asker.channel, question)
        except PictureError as error:
            raise ToolError(str(error)) from error
        if seen is None:
            raise ToolError("There is no picture among the newest messages of the channel. Ask the people to post it.")
        # The words in a picture are the words of others.
        return ToolResult(seen, trusted=False)
