"""The Discord transport of a call: a voice channel for sound, and a text channel for text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.llm.prompts import CallRoom, call_room
from bot.user_error import UserError
from bot.voice.call import Call
from bot.voice.discord.audio_input import DiscordAudioInput
from bot.voice.discord.audio_output import ReplyAudioSource
from bot.voice.discord.link import VoiceChannel, VoiceLink
from bot.voice.discord.people import CallRights, ChannelPeople
from bot.voice.discord.permissions import missing_permissions, permission_advice
from bot.voice.discord.text_channel import DiscordCaptionOutlet, DiscordPromptChannel, PromptTextChannel
from bot.voice.playback.sender import FrameSender
from bot.voice.transport import EndCause, FrameSource, PacketCounts

CHANNEL_FULL = "❌ Voice channel is full!"


@dataclass(frozen=True, slots=True)
class CallPlace:
    """The channels of a call: the voice channel to join, and the text channel for prompts."""

    voice: VoiceChannel
    prompts: PromptTextChannel


class DiscordTransport:
    """The :class:`~bot.voice.transport.Transport` of one voice channel. If the bot is moved, the transport follows.

    Args:
        place: channels of the call.
        rights: rights of people in the call.
        title: name of the thread for captions.
        clock: returns monotonic seconds.
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
        self.prompts = DiscordPromptChannel(place.prompts)
        self._link = VoiceLink(place.voice, self.prompts.tell, clock=clock)
        self._sender: FrameSender | None = None
        self.audio = DiscordAudioInput(self._link.packets)
        self.people = ChannelPeople(self._link, rights)
        self.captions = DiscordCaptionOutlet(place.prompts, title)

    @property
    def channel(self) -> VoiceChannel:
        """The voice channel that the bot is in now."""
        return self._link.channel

    @property
    def kind(self) -> str:
        """The kind of transport."""
        return "discord"

    @property
    def place(self) -> str:
        """The name of the voice channel that the bot is in now."""
        return self.channel.name

    @property
    def room(self) -> CallRoom:
        """The voice channel and the people in it, for the model."""
        people = self.people.names()
        return CallRoom(call_room(self.place, people), people)

    @property
    def encrypted(self) -> bool:
        """True while end-to-end encryption is in force."""
        return self._link.encrypted

    @property
    def packets(self) -> PacketCounts:
        """The numbers of late frames, and of packets that could not be decrypted."""
        late = self._sender.timing.late if self._sender is not None else 0
        return PacketCounts(late, self.audio.not_decrypted)

    def check(self) -> None:
        """Check that the bot may join the voice channel and write in the text channel.

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
            UserError: Discord did not let the bot in.
        """
        await self._link.connect()

    async def move(self, channel: VoiceChannel) -> None:
        """Change the voice channel, and wait a while for the connection to it; see :meth:`VoiceLink.move`."""
        await self._link.move(channel)

    def play(self, frames: FrameSource, sent: Callable[[bytes, float], None]) -> None:
        """Start the thread that sends frames, until :meth:`close`.

        Args:
            frames: source of the bot's sound in the call.
            sent: called on the sending thread with each voiced frame and its time (monotonic seconds).
        """
        self._sender = FrameSender(ReplyAudioSource(frames), self._link.sink, sent=sent, clock=self._clock)
        self._sender.start()

    async def wait_lost(self) -> EndCause:
        """Wait until the connection can't go on, and return why; see :meth:`VoiceLink.wait_lost`."""
        return await self._link.wait_lost()

    async def close(self) -> None:
        """Stop sending and leave the channel. Works after a failed or cancelled :meth:`connect` too."""
        if self._sender is not None:
            await asyncio.to_thread(self._sender.end)
        await self._link.close()


class DiscordCall(Call[DiscordTransport]):
    """A :class:`~bot.voice.call.Call` in Discord channels."""

    @property
    def channel(self) -> VoiceChannel:
        """The voice channel that the bot is in now."""
        return self.transport.channel

    @property
    def prompts(self) -> DiscordPromptChannel:
        """The text channel of the call."""
        return self.transport.prompts
