"""RTP padding and extensions that the voice server adds: clients remove them."""

from __future__ import annotations

import numpy as np

from sandbox.server import Sandbox
from sandbox.voice.network import SimulatedNetwork, Wrapping
from sandbox.voice.rtp import make_header, parse_header, strip


def test_stripping_removes_exactly_the_added_padding_and_extension() -> None:
    network = SimulatedNetwork(seed=3)
    network.wrapping = Wrapping(padded=0.5, extended=0.5)
    kinds = set()
    for number in range(50):
        media = bytes([number, 7, 7])
        header, sealed = network.wrap(make_header(number, 960 * number, 1), media)
        # The parser expects a tag and a counter after the payload.
        parsed = parse_header(header + sealed + bytes(20))
        kinds.add((parsed.padded, bool(parsed.extension_words)))
        assert strip(parsed, sealed) == media
    assert len(kinds) == 4


async def test_guests_hear_each_other_despite_padding_and_extensions_under_dave() -> None:
    async with Sandbox() as sandbox:
        sandbox.voice_server.network.wrapping = Wrapping(padded=0.3, extended=0.3)
        ada, ben = await sandbox.add_guest("Ada"), await sandbox.add_guest("Ben")
        for guest in (ada, ben):
            await guest.join_voice(sandbox.voice_channel)
        await ben.voice.speak((0.1 * np.sin(np.arange(48_000) / 20)).astype(np.float32))
        await ada.voice.receiver.wait_for_silence(ben.id, 0.1, 5.0)
        assert len(ada.voice.receiver.voiced_packets(ben.id)) >= 45
        assert ada.voice.receiver.undecryptable(ben.id) == 0
