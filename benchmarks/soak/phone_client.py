"""A client of the soak on the telephone, over SIP and RTP, with an open microphone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.caller import Caller
from benchmarks.soak.client import CallLostError, ClientCall
from benchmarks.soak.heard import HeardSound
from benchmarks.spoken_microphones import OpenSpeaker
from sandbox.voice.opus import Sound
from sandbox.voice.udp import Address


class PhoneClient:
    """See :class:`~benchmarks.soak.client.Client`.

    Args:
        endpoint: address on which the bot takes phone calls.
    """

    def __init__(self, endpoint: Address) -> None:
        self.heard = HeardSound()
        self._endpoint = endpoint

    @asynccontextmanager
    async def call(self) -> AsyncIterator[ClientCall]:
        """Call the bot; hang up at the end."""
        caller = Caller(self._endpoint, lambda arrival, voiced: self.heard.packet(arrival, voiced=voiced))
        try:
            async with caller, OpenSpeaker(caller, seed=1) as speaker:
                yield _PhoneCall(caller, speaker)
        finally:
            self.heard.end_stream()


class _PhoneCall:
    def __init__(self, caller: Caller, speaker: OpenSpeaker) -> None:
        self._caller = caller
        self._speaker = speaker

    async def say(self, words: Sound) -> float:
        """See :class:`~benchmarks.soak.client.ClientCall`."""
        return (await self._speaker.say(words)).last_voiced

    def check(self) -> None:
        """See :class:`~benchmarks.soak.client.ClientCall`. Packets are taken as they arrive, so there are none to take
        here.
        """
        if self._caller.hung_up:
            raise CallLostError("the bot has hung up")
