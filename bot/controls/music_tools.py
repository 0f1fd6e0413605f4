"""Tools with which the model plays and controls music in a call. The asker needs the right to the typed command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.controls.tools import Controls, ControlTool
from bot.controls.volumes import MAX_VOLUME, Volumes
from bot.controls.words import Control
from bot.current_calls import Where, where_asked
from bot.llm.tools import ToolDescription
from bot.music.control import MusicControl, MusicDone
from bot.music.decoding import MusicError
from bot.tools.tool import Asker, ReadOnlyTool, Tool, ToolError, ToolResult

VOLUME_STEP = 0.1
"""How much "the music a bit louder" changes the volume of music. A volume of 1 leaves the sound as it is."""

PLAY = ToolDescription(
    "play_music",
    "Plays a piece of music in the voice call, after those that were asked for before. Give words of its title.",
    {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    },
)
CHANGE = ToolDescription(
    "change_music",
    "Changes the music that plays in the voice call. skip ends one piece, stop ends all.",
    {
        "type": "object",
        "properties": {"change": {"type": "string", "enum": ["pause", "resume", "skip", "stop", "quieter", "louder"]}},
        "required": ["change"],
        "additionalProperties": False,
    },
)
NOW = ToolDescription(
    "show_music",
    "Tells which music plays in the voice call, and what comes next.",
    {"type": "object", "properties": {}, "additionalProperties": False},
)
MUSIC_NAMES = frozenset(each.name for each in (PLAY, CHANGE, NOW))
"""The names of the tools of this module."""
_COMMANDS = {
    "pause": "pause",
    "resume": "pause",
    "skip": "skip",
    "stop": "skip",
    "quieter": "volume",
    "louder": "volume",
}
"""For each change, the typed command that the asker must be allowed to use."""


def music_tools(controls: Controls, music: MusicControl, volumes: Volumes) -> Sequence[Tool]:
    """The tools of music; none if there is no folder of music, since the model could play nothing."""
    if not music.has_library:
        return ()

    async def play(arguments: Mapping[str, Any], asker: Asker) -> str:
        name = arguments.get("name")
        if not isinstance(name, str):
            raise ToolError("name must be a text.")
        try:
            return (await music.play(where_asked(asker), name)).sentence
        except MusicError as error:
            raise ToolError(str(error)) from error

    async def change(arguments: Mapping[str, Any], asker: Asker) -> str:
        wanted = arguments.get("change")
        if not isinstance(wanted, str) or wanted not in _COMMANDS:
            raise ToolError(f"change must be one of these: {', '.join(_COMMANDS)}.")
        if not controls.may(asker, _COMMANDS[wanted]):
            raise ToolError(f"{asker.name} may not do that here.")
        actions: Mapping[str, Callable[[Where], MusicDone]] = {
            "pause": music.pause,
            "resume": music.resume,
            "skip": music.skip,
            "stop": music.stop,
        }
        if wanted not in actions:
            return await _change_volume(volumes, asker, louder=wanted == "louder")
        try:
            return actions[wanted](where_asked(asker)).sentence
        except MusicError as error:
            raise ToolError(str(error)) from error

    return (
        ControlTool(PLAY, Control.MUSIC, "play", play, controls),
        ControlTool(CHANGE, Control.MUSIC, "pause", change, controls),
        ShowMusic(controls, music),
    )


async def _change_volume(volumes: Volumes, asker: Asker, *, louder: bool) -> str:
    now = await volumes.music_at(asker.server)
    volume = min(max(now + (VOLUME_STEP if louder else -VOLUME_STEP), VOLUME_STEP / 2), MAX_VOLUME)
    await volumes.choose_music(asker.server, volume, only=asker.call)
    return f"The volume of music was {round(100 * now)} percent and is {round(100 * volume)} percent now."


class ShowMusic(ReadOnlyTool):
    """Tells which music plays."""

    description = NOW

    def __init__(self, controls: Controls, music: MusicControl) -> None:
        self._controls = controls
        self._music = music

    def may_use(self, asker: Asker) -> bool:
        """Whether the person may use ``!queue``."""
        return self._controls.may(asker, "queue")

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """Tell what plays.

        Raises:
            ToolError: nothing plays, or there is no call.
        """
        try:
            # The title of an attached file is written by whoever attached it, so nobody can trust it.
            return ToolResult(self._music.now(where_asked(asker)), trusted=False)
        except MusicError as error:
            raise ToolError(str(error)) from error
