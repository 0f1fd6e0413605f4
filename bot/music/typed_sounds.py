"""Short sounds as people ask for them in writing: on Discord, and on the page."""

from __future__ import annotations

from typing import Any

from bot.music.library import shown_title
from bot.music.sound_board import SoundBoard
from bot.text import enumerated
from bot.user_error import UserError
from bot.voice.call import Call

MAX_LISTED = 100
LISTS = frozenset({"", "list"})
"""Names for which the sounds are listed, instead of one being played. No sound that people add has such a name."""

LIST = "📣 I have these sounds: {sounds}. `{prefix}sound NAME` plays one."
EMPTY = "📣 I have no sounds yet."
HOW_TO_ADD = " `{prefix}sound add NAME` with an attached sound file adds one."
REMOVES = "❓ `{prefix}sound remove NAME` deletes a sound."
PLAYS = "📣 {name}"
STOPPED = "⏹️ Stopped."
NOTHING = "📣 No sound is playing."


class TypedSounds:
    """Carries out typed requests about the sound board. Use it on the event loop.

    All its methods return the answer for the person, and may raise :class:`~bot.user_error.UserError`.

    Args:
        prefix: the characters that a command begins with.
        takes_files: whether people can attach sound files where they type.
    """

    def __init__(self, board: SoundBoard, prefix: str, *, takes_files: bool) -> None:
        self._board = board
        self._prefix = prefix
        self._takes_files = takes_files

    async def play(self, call: Call[Any], name: str) -> str:
        """Play a sound in a call."""
        word, _, rest = name.strip().partition(" ")
        try:
            return PLAYS.format(name=shown_title(await self._board.play(call, name)))
        except UserError as error:
            if rest and word.casefold() == "delete" and self._takes_files:
                raise UserError(REMOVES.format(prefix=self._prefix)) from error
            raise

    def stop(self, call: Call[Any]) -> str:
        """Stop the sounds that play."""
        return STOPPED if self._board.stop(call) else NOTHING

    async def names(self, server: int) -> str:
        """Tell which sounds a server has."""
        names = [shown_title(sound.title) for sound in await self._board.sounds(server)]
        if len(names) > MAX_LISTED:
            names[MAX_LISTED:] = [f"{len(names) - MAX_LISTED} more"]
        text = LIST if names else EMPTY + (HOW_TO_ADD if self._takes_files else "")
        return text.format(sounds=enumerated(names) if names else "", prefix=self._prefix)
