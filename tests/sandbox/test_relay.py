"""Tests of the voice server's relay on a network that stands still."""

from __future__ import annotations

import pytest

from sandbox.voice import network as network_module
from sandbox.voice.network import SimulatedNetwork
from sandbox.voice.relay import RelayClient, VoiceRelay
from sandbox.voice.rtp import AesGcmCipher, make_header, parse_header
from sandbox.voice.udp import TimedSocket
from tests.timing import Clock, wait_until

HOST = "127.0.0.1"
SENDER = (HOST, 9)


async def test_packets_come_in_order_after_a_stall_also_a_packet_that_arrives_as_the_stall_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, network, heard = Clock(), SimulatedNetwork(), list[int]()
    monkeypatch.setattr(network_module, "monotonic", clock)
    relay, listening = VoiceRelay(HOST, network), TimedSocket(HOST, lambda data, *_: heard.append(sequence_of(data)))
    key = AesGcmCipher(bytes(32))
    relay.start()
    relay.add(RelayClient(1, 1, 1, key, SENDER))
    relay.add(RelayClient(2, 1, 2, key, listening.address))
    try:
        network.stall(0.1)
        for sequence in range(31):
            if sequence == 30:
                # The stall is over, but the event loop has not sent the held packets yet.
                clock.pass_by(0.1)
            relay._receive(key.seal(make_header(sequence, 960 * sequence, 1), b"sound"), SENDER, 0.0)
        await wait_until(lambda: len(heard) == 31)
    finally:
        relay.stop()
        listening.close()
    assert heard == list(range(31))


def sequence_of(packet: bytes) -> int:
    return parse_header(packet).sequence
