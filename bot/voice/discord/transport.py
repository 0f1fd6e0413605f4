"""Discord carries a call: a voice channel for sound, a text channel for words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.user_error import UserError
from bot.voice.call import Call
from bot.voice.discord.audio_input import DiscordAudioInput
from bot.voice.discord.audio_output import ReplyAudioSource
from bot.voice.discord.link import VoiceChannel, VoiceLink
from bot.voice.discord.people import CallRights, ChannelPeople
from bot.voice.discord.permissions import missing_permissions, permission_advice
from bot.voice.discord.text_channel import DiscordCaptionOutlet, DiscordPromptChannel, PromptTextChannel
from bot.voice.playback.sender import FrameSender
from bot.voice.transport import EndCause, FrameSource

CHANNEL_FULL = "❌ Voice channel is full!"


@dataclass(frozen=True, slots=True)
class CallPlace:
    """Where a call is to be: the voice channel to join and the text channel that prompts come from."""

    voice: VoiceChannel
    prompts: PromptTextChannel


class DiscordTransport:
    """A :class:`~bot.voice.transport.Transport` over one voice channel; follows the bot when it is moved.

    Args:
        title: what the thread of captions is called, where there is one.
    """

    def __init__(
        self,
        place: CallPlace,
        rights: CallRights,
        title: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._link = VoiceLink(place.voice, clock=clock)
        self._sender: FrameSender | None = None
        self.audio = DiscordAudioInput(self._link.packets)
        self.people = ChannelPeople(self._link, rights)
        self.prompts = DiscordPromptChannel(place.prompts)
        self.captions = DiscordCaptionOutlet(place.prompts, title)

    @property
    def channel(self) -> VoiceChannel:
        """The voice channel that the bot is in."""
        return self._link.channel

    @property
    def kind(self) -> str:
        """What carries it."""
        return "discord"

    @property
    def place(self) -> str:
        """The name of that channel."""
        return self.channel.name

    @property
    def encrypted(self) -> bool:
        """True while end-to-end encryption is in force."""
        return self._link.encrypted

    def check(self) -> None:
        """See whether the call can be had.

        Raises:
            UserError: the channel is full, or a permission is missing.
        """
        channel = self.channel
        me = channel.guild.me
        missing = missing_permissions(channel, self.prompts.channel, me)
        if missing:
            raise UserError(permission_advice(missing, me.id))
        full = channel.user_limit and len(channel.members) >= channel.user_limit and me not in channel.members
        if full and not channel.permissions_for(me).move_members:
            raise UserError(CHANNEL_FULL)

    async def connect(self) -> None:
        """Join the channel.

        Raises:
            UserError: Discord did not let us in.
        """
        await self._link.connect()

    def play(self, frames: FrameSource, sent: Callable[[bytes, float], None]) -> None:
        """Send these frames until :meth:`close`; ``sent`` is told each voiced one, on the sending thread."""
        self._sender = FrameSender(ReplyAudioSource(frames), self._link.sink, sent=sent, clock=self._clock)
        self._sender.start()

    async def wait_lost(self) -> EndCause:
        """Return when the bot was put out, or could not come back."""
        return await self._link.wait_lost()

    async def close(self) -> None:
        """Fall silent and leave the channel; also after a failed or cancelled :meth:`connect`."""
        if self._sender is not None:
            await asyncio.to_thread(self._sender.end)
        await self._link.close()


class DiscordCall(Call[DiscordTransport]):
    """A :class:`~bot.voice.call.Call` that knows its channels."""

    @property
    def channel(self) -> VoiceChannel:
        """The voice channel the bot is in."""
        return self.transport.channel

    @property
    def prompts(self) -> DiscordPromptChannel:
        """The text channel that prompts come from."""
        return self.transport.prompts
