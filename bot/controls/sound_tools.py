"""The tool with which the model plays a short sound in a call. The asker must be allowed to type the command for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.controls.tools import NO_CALL, Controls, ControlTool
from bot.controls.words import Control
from bot.current_calls import call_at, where_asked
from bot.llm.tools import ToolDescription
from bot.music.library import shown_title
from bot.music.sound_board import SoundBoard
from bot.text import shorten
from bot.tools.tool import Asker, Tool, ToolError
from bot.user_error import UserError
from bot.voice.call import Call
from bot.voice.manager import CallManager

MAX_NAME = 100
MAX_TOLD = 20
"""Maximum number of sounds that are named to the model."""

PLAY = ToolDescription(
    "play_sound",
    "Plays a short sound, such as a horn or a drum roll, in the voice call. Give its name; an empty name lists some.",
    {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    },
)
SOUND_NAMES = frozenset({PLAY.name})
"""The names of the tools of this module."""


def sound_tools(controls: Controls, board: SoundBoard, manager: CallManager[Call[Any]]) -> Sequence[Tool]:
    """The tool of the sound board; none if there is no folder of sounds, since the model could play nothing."""
    if not board.has_folder:
        return ()

    async def play(arguments: Mapping[str, Any], asker: Asker) -> str:
        name = arguments.get("name")
        if not isinstance(name, str):
            raise ToolError("name must be a text.")
        call = call_at(manager, where_asked(asker))
        if call is None:
            raise ToolError(NO_CALL)
        wanted = shorten(" ".join(name.split()), MAX_NAME)
        try:
            if not wanted:
                raise ToolError(await _names(board, call.server))
            await board.play(call, wanted)
        except UserError as error:
            raise ToolError(str(error).lstrip("❌❓ ")) from error
        return "The sound plays now."

    return (ControlTool(PLAY, Control.SOUND, "sound", play, controls),)


async def _names(board: SoundBoard, server: int) -> str:
    names = [shown_title(sound.title) for sound in await board.sounds(server)]
    more = f" and {len(names) - MAX_TOLD} more" if len(names) > MAX_TOLD else ""
    return f"Which one? There are: {', '.join(names[:MAX_TOLD])}{more}." if names else "There are no sounds."
