"""A client of the soak on the sandbox: a guest in a voice channel with the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import takewhile

from benchmarks.errors import MeasurementError
from benchmarks.soak.client import CallLostError, ClientCall
from benchmarks.soak.heard import HeardSound
from benchmarks.spoken_microphones import ClosingSpeaker
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.voice.audio_receiver import AudioReceiver
from sandbox.voice.microphone import VoiceActivity
from sandbox.voice.opus import Sound

NAME = "Ada"
JOIN_LIMIT = 60.0
QUIET = 1.0
"""Seconds of silence after the words, in which voice activity stops sending."""
KEPT_PACKETS = 1_000
"""Packets that the guest keeps. Few are enough: the voice server has the times of arrival, and nobody hears these."""


class DiscordClient:
    """See :class:`~benchmarks.soak.client.Client`. Its microphone sends while there is a voice (voice activity)."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.heard = HeardSound()
        self._sandbox = sandbox
        self._guest: Guest | None = None

    @asynccontextmanager
    async def call(self) -> AsyncIterator[ClientCall]:
        """Join the voice channel and call the bot; send it away at the end."""
        sandbox = self._sandbox
        guest = self._guest = self._guest or await sandbox.add_guest(NAME)
        voice = await guest.join_voice(sandbox.voice_channel)
        voice.receiver = AudioReceiver(keep=KEPT_PACKETS)
        try:
            await self._command(guest, "!join", "🎤 Joined")
            async with ClosingSpeaker(voice, VoiceActivity(), lambda: QUIET) as speaker:
                yield _DiscordCall(sandbox, speaker, self.heard)
            await self._command(guest, "!leave", "👋")
        finally:
            self.heard.end_stream()
            await guest.leave_voice()

    async def _command(self, guest: Guest, text: str, answer: str) -> None:
        channel = self._sandbox.text_channel
        try:
            await guest.say(channel, text)
            await guest.wait_for_message(channel, lambda message: message.content.startswith(answer), JOIN_LIMIT)
        except TimeoutError as error:
            raise MeasurementError(f"{text} was not answered within {JOIN_LIMIT:.0f} s") from error


class _DiscordCall:
    def __init__(self, sandbox: Sandbox, speaker: ClosingSpeaker, heard: HeardSound) -> None:
        self._sandbox = sandbox
        self._speaker = speaker
        self._heard = heard
        log = sandbox.voice_server.relay.log
        self._taken = log[-1].received if log else 0.0

    async def say(self, words: Sound) -> float:
        """See :class:`~benchmarks.soak.client.ClientCall`."""
        times = await self._speaker.say(words)
        return times.last_voiced

    def check(self) -> None:
        """Note the bot's new packets, each with the time (kernel's clock) at which it reached the voice server."""
        bot = self._sandbox.bot_id
        log = self._sandbox.voice_server.relay.log
        fresh = list(takewhile(lambda packet: packet.received > self._taken, reversed(log)))
        if fresh:
            self._taken = fresh[0].received
        for packet in sorted((one for one in fresh if one.user == bot), key=lambda one: one.received):
            if packet.silent:
                self._heard.end_stream()
            else:
                self._heard.packet(packet.received, voiced=True)
        if bot not in self._sandbox.guild.voice_states:
            raise CallLostError("the bot has left the voice channel")
