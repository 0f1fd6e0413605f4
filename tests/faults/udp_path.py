"""The way of voice packets between the bot and Discord's voice server, which can be bad."""

from __future__ import annotations

import asyncio
import time

from sandbox.server import Sandbox
from sandbox.voice.network import Conditions
from tests.faults.things import AWAY, Fault

LATE = 0.4
"""Seconds that each packet is late on a slow way: about ten times what is usual between two cities."""
_CONDITIONS = {
    Fault.KILLED: Conditions(loss=1.0),
    Fault.BACK: Conditions(loss=1.0),
    Fault.SLOW: Conditions(reorder=1.0, hold=LATE),
    Fault.RUBBISH: Conditions(damage=1.0),
}


class UdpPath:
    """The way of all voice packets of a sandbox, both directions."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._held_until = 0.0

    async def break_down(self, fault: Fault) -> None:
        network = self._sandbox.voice_server.network
        if fault is Fault.HUNG:
            network.stall(AWAY)
            self._held_until = time.monotonic() + AWAY
        else:
            network.up = network.down = _CONDITIONS[fault]

    async def heal(self) -> None:
        await asyncio.sleep(max(0.0, self._held_until - time.monotonic()))
        network = self._sandbox.voice_server.network
        network.up = network.down = Conditions()
