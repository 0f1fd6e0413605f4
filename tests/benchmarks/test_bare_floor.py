"""Tests of the bare floor, a minimal bot of the benchmarks: it answers prompts, and its packets can be decrypted."""

from __future__ import annotations

import asyncio
import sys

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from yarl import URL

from audio.opus import SpeechDecoder, load_opus
from benchmarks.bare_floor_control import BareFloorControl
from benchmarks.bare_packets import FRAME_SAMPLES, RATE, BarePackets
from benchmarks.bare_websocket import BareWebSocket
from benchmarks.measured_call import tokens_of
from benchmarks.reply_measurement import FIRST_SENTENCE, PROMPT, REPLY
from benchmarks.stand_in_model import StandInModel
from config.project import ROOT
from sandbox.voice.rtp import XChaChaCipher, parse_header
from tests.timing import LIMIT

CLAUSE_TOKENS = 6
"""Tokens of "Well, that is a good question,", the first clause that both the bot and the floor speak."""


async def test_the_floor_answers_a_prompt_through_every_hop() -> None:
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


async def test_both_processes_end_after_the_benchmark_was_killed() -> None:
    """When it is killed, only its sockets close. The two processes must end because of that."""

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
    time = np.arange(FRAME_SAMPLES) / RATE
    for _ in range(150):
        packet = packets.packet((0.2 * np.sin(2 * np.pi * 200 * time)).astype("<f4").tobytes())
    header = parse_header(packet)
    frame = XChaChaCipher(packets.transport_key).open(packet, header.size)
    assert (header.sequence, header.timestamp) == (150, 150 * FRAME_SAMPLES)
    # DAVE: 8 bytes of tag, a counter of two, their size, and the marker.
    assert frame.endswith(bytes((0x96, 0x01, 13, 0xFA, 0xFA)))
    # GCM's first counter for the message is 2.
    cipher = Cipher(algorithms.AES(packets.end_to_end_key), modes.CTR(bytes(8) + bytes((150, 0, 0, 0)) + b"\0\0\0\2"))
    sound = decoder.decode(cipher.decryptor().update(frame[:-13]), lost=0)
    assert sound is not None
    assert float(np.abs(sound).max()) > 0.1


async def test_messages_of_every_length_pass_both_ways() -> None:
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
