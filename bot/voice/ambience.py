"""The interface of the ambience: the quiet sound around a persona, which plays beneath the whole call."""

from __future__ import annotations

from typing import Protocol

from bot.characters import LocalCharacter
from bot.voice.mixing.mixer import Mixer


class AmbiencePlayer(Protocol):
    """Plays the ambience of the persona that speaks; see :class:`~bot.music.ambience.Ambience`."""

    async def run(self, mixer: Mixer, character: LocalCharacter, place: int) -> None:
        """Play the ambience of the current persona until cancelled. Errors are logged, and end no call.

        Args:
            mixer: the mixer of the call.
            character: the bot's persona in the call.
            place: id of the Discord server of the call; 0 on the page, 1 on the telephone.
        """
        ...
