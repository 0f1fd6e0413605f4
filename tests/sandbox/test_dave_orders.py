"""A guest's client of DAVE, Discord's end-to-end encryption, ignores messages of a group that it has left."""

from __future__ import annotations

import asyncio

import numpy as np

from sandbox.server import Sandbox
from sandbox.voice.ops import VoiceOp


async def test_a_guest_ignores_proposals_of_another_group_and_still_hears() -> None:
    async with Sandbox() as sandbox:
        ada, ben = await sandbox.add_guest("Ada"), await sandbox.add_guest("Ben")
        for guest in (ada, ben):
            await guest.join_voice(sandbox.voice_channel)
        async with asyncio.timeout(30):
            while not (ada.voice.encrypted and ben.voice.encrypted):
                await asyncio.sleep(0.01)
        # The proposals could have been on their way while Ada's client began a new group.
        await ada.voice._on_binary(VoiceOp.PROPOSALS, b"\x00\x08" + bytes(8))
        await ben.voice.speak((0.1 * np.sin(np.arange(9_600) / 20)).astype(np.float32))
        await ada.voice.receiver.wait_for_audio(ben.id, 5.0)
