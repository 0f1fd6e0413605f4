"""The sound that a guest has received can be read while more of it arrives."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import numpy as np
import pytest

from sandbox.voice import audio_receiver
from sandbox.voice.audio_receiver import AudioReceiver, ReceivedPacket
from sandbox.voice.opus import FRAME_SAMPLES, Sound
from tests.timing import LIMIT, Clock, let_run

BOT = 1


def test_packets_that_arrive_while_the_sound_is_decoded_are_in_the_next_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = itertools.count()
    receiver = AudioReceiver(clock=lambda: 0.0)

    def arrive() -> None:
        number = next(numbers)
        receiver.add(BOT, ReceivedPacket(number * 0.02, number, number * FRAME_SAMPLES, b"\x01"))

    class Decoder:
        def decode_frame(self, opus: bytes) -> Sound:
            del opus
            arrive()
            return np.full(FRAME_SAMPLES, 0.5, np.float32)

    monkeypatch.setattr(audio_receiver, "make_decoder", Decoder)
    arrive()
    receiver.save_wav(tmp_path / "heard.wav", BOT)
    assert [len(piece.sound) for piece in receiver.timed(BOT)] == [FRAME_SAMPLES] * 2
    assert len(receiver.pcm(BOT)) == 3 * FRAME_SAMPLES


async def test_a_packet_keeps_its_number_when_older_packets_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    class Decoder:
        def decode_frame(self, opus: bytes) -> Sound:
            return np.full(FRAME_SAMPLES, opus[0] / 100, np.float32)

    monkeypatch.setattr(audio_receiver, "make_decoder", Decoder)
    receiver = AudioReceiver(keep=4)
    packets = [ReceivedPacket(number * 0.02, number, number * FRAME_SAMPLES, bytes([number])) for number in range(6)]
    for packet in packets:
        receiver.add(BOT, packet)
    assert len(receiver.packets(BOT)) < 6, "some have been dropped"
    assert receiver.count(BOT) == 6
    assert await receiver.wait_for_audio(BOT, LIMIT, since=5) is packets[5]
    assert receiver.pcm(BOT, since=5) == pytest.approx(np.full(FRAME_SAMPLES, 0.05))
    with pytest.raises(TimeoutError):
        await receiver.wait_for_audio(BOT, 0, since=6)


async def test_packets_that_came_while_the_event_loop_stood_still_are_read_before_a_speaker_counts_as_silent() -> None:
    clock = Clock()
    receiver = AudioReceiver(clock=clock)
    receiver.add(BOT, ReceivedPacket(clock.now, 0, 0, b"\x01"))
    clock.pass_by(1.0)
    waiting = asyncio.create_task(receiver.wait_for_silence(BOT, 0.1, LIMIT))
    await asyncio.sleep(0)
    receiver.add(BOT, ReceivedPacket(clock.now, 1, FRAME_SAMPLES, b"\x01"))
    await let_run(0.1)
    assert not waiting.done()
    clock.pass_by(0.1)
    await waiting
