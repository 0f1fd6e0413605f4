"""The buttons below the answer of ``nowplaying``: they pause, skip and stop the piece of music that it names."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import discord

from bot.commands.guarded_view import GuardedView
from bot.guard import Guard
from bot.music.player import SKIPPED, STOPPED, MusicPlayer, Playing
from bot.music.typed import playing_text

MAX_SHOWN = 50
"""Number of messages whose pieces are remembered. The buttons of older ones say that the piece is over."""
OVER = "⌛ That piece is over."


class MusicButton(StrEnum):
    """The buttons, by their ids, which are always the same. So buttons from before a restart still reach the bot."""

    PAUSE = "music:pause"
    SKIP = "music:skip"
    STOP = "music:stop"


_LABELS = {MusicButton.PAUSE: "⏯️ Pause / go on", MusicButton.SKIP: "⏭️ Skip", MusicButton.STOP: "⏹️ Stop"}


class MusicButtons:
    """Knows which piece each message shows, and carries out what is pressed. Use it on the event loop.

    Args:
        player_at: returns the player of the call on a server (by id); ``None`` if there is none.
    """

    def __init__(self, guard: Guard, player_at: Callable[[int], MusicPlayer | None]) -> None:
        self._guard = guard
        self._player_at = player_at
        self._shown: dict[int, Playing] = {}

    def view(self) -> discord.ui.View:
        """The buttons for a message, and for :meth:`discord.Client.add_view`."""
        return _View(self._guard, self)

    def show(self, message: int, playing: Playing) -> None:
        """Note that the message with this id shows this piece from now on."""
        self._shown[message] = playing
        if len(self._shown) > MAX_SHOWN:
            del self._shown[next(iter(self._shown))]

    async def press(self, interaction: discord.Interaction[Any], button: MusicButton) -> None:
        """Carry out what the person wants, if the piece of the message still plays, and renew the message."""
        message = interaction.message.id if interaction.message is not None else 0
        shown = self._shown.get(message)
        player = self._player_at(interaction.guild_id or 0)
        nobody = discord.AllowedMentions.none()
        if shown is None or player is None or player.playing is not shown or shown.over:
            self._shown.pop(message, None)
            title = f"{shown.track.title}\n" if shown is not None else ""
            await interaction.response.edit_message(content=f"{title}{OVER}", view=None, allowed_mentions=nobody)
            return
        if button is MusicButton.PAUSE:
            player.pause()
            view = self.view()
            await interaction.response.edit_message(content=playing_text(shown), view=view, allowed_mentions=nobody)
            # The view that was registered at the start handles the buttons of every message, so this one is not kept.
            view.stop()
            return
        (player.skip if button is MusicButton.SKIP else player.stop)()
        self._shown.pop(message, None)
        done = SKIPPED if button is MusicButton.SKIP else STOPPED
        await interaction.response.edit_message(
            content=f"{shown.track.title}\n{done}", view=None, allowed_mentions=nobody
        )


class _View(GuardedView):
    def __init__(self, guard: Guard, buttons: MusicButtons) -> None:
        # A person who may skip may also pause and stop.
        super().__init__(guard, "skip", timeout=None)
        for each in MusicButton:
            self.add_item(_Button(each, buttons))


class _Button(discord.ui.Button[_View]):
    def __init__(self, button: MusicButton, buttons: MusicButtons) -> None:
        super().__init__(label=_LABELS[button], custom_id=button.value, style=discord.ButtonStyle.secondary)
        self._button = button
        self._buttons = buttons

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Carry out what the button is for."""
        await self._buttons.press(interaction, self._button)
