"""Test of the receiver with masses of hostile datagrams: no error, no sound, and no growing memory."""

from __future__ import annotations

import numpy as np
import psutil
import pytest

from tests.voice.discord.channel import ADA, Channel, Talker, sealed_for

MEGABYTE = 2**20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [50_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_masses_of_hostile_datagrams_do_no_harm(count: int) -> None:
    channel, ada, stranger = Channel(), Talker(ADA, 77), Talker(9, 99)
    channel.receiver.speaking(77, ADA)
    random = np.random.default_rng(2)
    whole = ada.voiced()
    channel.take(whole)
    heard = len(channel.heard)
    garbage = [bytes(random.bytes(int(random.integers(0, 400)))) for _ in range(500)]
    truncated = [whole[:length] for length in range(len(whole))]
    flipped = [bytes([*whole[:at], whole[at] ^ 0x55, *whole[at + 1 :]]) for at in range(len(whole))]
    replayed = [whole] * 200
    process, sent, memory = psutil.Process(), 0, 0
    while sent < count:
        forged = [stranger.packet(sealed_for(9, bytes(random.bytes(30)))) for _ in range(100)]
        for datagram in (*garbage, *truncated, *flipped, *replayed, *forged):
            channel.receiver.datagram(datagram, channel.now)
            sent += 1
        channel.wait(0.05)
        if sent > count // 5 and not memory:
            memory = process.memory_info().rss
    sounds = sum(hasattr(event, "sound") for event in channel.heard[heard:])
    assert sounds == 0
    assert process.memory_info().rss - memory < 8 * MEGABYTE
    channel.take(ada.voiced())
    assert hasattr(channel.heard[-1], "sound"), "the receiver still hears people"
