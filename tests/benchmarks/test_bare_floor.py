"""Tests of the bare floor, a minimal bot of the benchmarks: it answers prompts, and its packets can be decrypted."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from yarl import URL

from audio.opus import SpeechDecoder, load_opus
from benchmarks.bare_floor_control import BareFloorControl
from benchmarks.bare_packets import FRAME_SAMPLES, RATE, BarePackets
from benchmarks.bare_stream import BareStream
from benchmarks.bare_websocket import BareWebSocket
from benchmarks.measured_call import tokens_of
from benchmarks.reply_measurement import FIRST_SENTENCE, PROMPT, REPLY
from benchmarks.stand_in_model import StandInModel
from config.project import ROOT
from sandbox.voice.opus import make_decoder
from sandbox.voice.rtp import XChaChaCipher, parse_header
from tests.timing import LIMIT
from tests.tones import tone

CLAUSE_TOKENS = 6
"""Tokens of "Well, that is a good question,", the first clause that both the bot and the floor speak."""


def frame_of(hertz: float) -> bytes:
    """20 ms of a tone as the voice sends it."""
    return tone(FRAME_SAMPLES / RATE, hertz, rate=RATE, level=0.2).tobytes()


def opus_of(packets: BarePackets, packet: bytes) -> bytes:
    """The Opus frame in a packet, after both encryptions have been removed."""
    header = parse_header(packet)
    frame = XChaChaCipher(packets.transport_key).open(packet, header.size)
    # GCM's first counter for the message is 2.
    counter = bytes(8) + struct.pack("<I", header.sequence) + b"\0\0\0\2"
    cipher = Cipher(algorithms.AES(packets.end_to_end_key), modes.CTR(counter))
    # The last bytes are DAVE's: 8 of tag, a counter, the size of all, and the marker of two.
    return cipher.decryptor().update(frame[: -frame[-3]])


async def test_the_floor_answers_a_prompt_over_the_gateway_the_model_and_the_voice() -> None:
    async with (
        StandInModel(tokens_of(REPLY), first_token=0.0, rate=500) as model,
        BareFloorControl(model, 0.01) as floor,
    ):
        first = await floor.answer({"content": PROMPT}, FIRST_SENTENCE)
        second = await floor.answer({"content": PROMPT}, FIRST_SENTENCE)
    for times in (first, second):
        assert times.clause_tokens == CLAUSE_TOKENS
        assert times.voice >= 0.01
        stages = (times.sent, times.model_asked, times.first_token, times.clause_written, times.voice_asked)
        assert list(stages) == sorted(stages)
        assert times.voice_asked < times.first_audio < times.received[0]
    assert second.sent > first.received[0]
    assert len(model.times) == 2


async def test_the_floor_answers_over_a_running_stream_and_without_one_in_turn() -> None:
    async with (
        StandInModel(tokens_of(REPLY), first_token=0.0, rate=500) as model,
        BareFloorControl(model, 0.01) as floor,
    ):
        replies = [await floor.answer({"content": PROMPT}, FIRST_SENTENCE, phase) for phase in (0.0, None, 0.015)]
    for times in replies:
        assert times.clause_tokens == CLAUSE_TOKENS
        assert times.voice_asked < times.first_audio < times.received[0]


def test_a_reply_goes_into_the_next_frame_of_a_running_stream_and_into_no_other() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(LIMIT)
        receiver.bind(("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(receiver.getsockname())
            packets = BarePackets()
            stream = BareStream(packets, sender)
            received = [receiver.recv(2048) for _ in range(20)]
            asked_after = parse_header(received[-1]).sequence
            spoken = stream.speak(frame_of(220))
            while len(received) < 40:
                received.append(receiver.recv(2048))
            stream.end()
    assert [parse_header(packet).sequence for packet in received] == list(range(1, 41))
    decoder = make_decoder()
    wave = np.exp(-2j * np.pi * 220 * np.arange(FRAME_SAMPLES) / RATE)
    levels = [abs(wave @ decoder.decode_frame(opus_of(packets, packet))) * 2 / FRAME_SAMPLES for packet in received]
    assert spoken.result() > asked_after
    # The spoken frame is the loudest. The codec's delay is 6.5 ms, so the frame after it has the rest of the tone.
    # Sequence numbers begin with 1.
    assert int(np.argmax(levels)) + 1 == spoken.result()
    assert max(levels[: spoken.result() - 1]) < 0.25 * max(levels)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_wait_for_a_reply_fails_with_the_reason_if_the_stream_has_broken_or_ended() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        sender.connect(receiver.getsockname())
        broken, ended = BareStream(BarePackets(), sender), BareStream(BarePackets(), sender)
        ended.end()
        too_short = broken.speak(b"")
        with pytest.raises(ValueError, match="buffer"):
            too_short.result(LIMIT)
        with pytest.raises(ValueError, match="buffer"):
            broken.speak(frame_of(220)).result(LIMIT)
        with pytest.raises(ConnectionError, match="the stream has ended"):
            ended.speak(frame_of(220)).result(LIMIT)
        broken.end()


async def test_the_floor_and_its_voice_end_after_the_benchmark_was_killed() -> None:
    """A killed benchmark only closes its sockets. That must end the processes of the floor and of its voice."""

    async def close_soon(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await BareWebSocket.accept(reader, writer)
        writer.close()

    async def start(*arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *arguments),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    voice = await start("benchmarks.bare_voice", "0.01")
    assert voice.stdout is not None
    voice_port = int(await voice.stdout.readline())
    async with (
        StandInModel(tokens_of(REPLY), first_token=0.0, rate=500) as model,
        await asyncio.start_server(close_soon, "127.0.0.1", 0) as gateway,
    ):
        ports = (gateway.sockets[0].getsockname()[1], URL(model.url).port, voice_port, 9)
        floor = await start("benchmarks.bare_floor", *map(str, ports))
        async with asyncio.timeout(LIMIT):
            ends = [(await process.communicate(), process.returncode) for process in (floor, voice)]
    assert ends == [((b"", b""), 0)] * 2


def test_the_packets_of_the_floor_are_encrypted_twice_and_contain_the_sound() -> None:
    load_opus()
    packets = BarePackets()
    decoder = SpeechDecoder()
    for _ in range(150):
        packet = packets.packet(frame_of(200))
    header = parse_header(packet)
    frame = XChaChaCipher(packets.transport_key).open(packet, header.size)
    assert (header.sequence, header.timestamp) == (150, 150 * FRAME_SAMPLES)
    # DAVE: 8 bytes of tag, a counter of two, their size, and the marker.
    assert frame.endswith(bytes((0x96, 0x01, 13, 0xFA, 0xFA)))
    sound = decoder.decode(opus_of(packets, packet), lost=0)
    assert sound is not None
    assert float(np.abs(sound).max()) > 0.1


async def test_short_and_long_messages_pass_both_ways() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        socket = await BareWebSocket.accept(reader, writer)
        for _ in lengths:
            socket.send(await socket.receive())
        writer.close()

    lengths = (0, 1, 125, 126, 65_535, 65_536)
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        client = await BareWebSocket.connect(server.sockets[0].getsockname()[1])
        for length in lengths:
            message = bytes(number % 251 for number in range(length))
            client.send(message)
            assert await client.receive() == message
