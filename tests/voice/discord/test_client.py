"""Tests of the voice client at the sandbox's voice server: its sound is heard, and it knows if the server lives."""

from __future__ import annotations

import asyncio
import socket
from itertools import pairwise

import discord
import pytest

from bot.voice.discord.audio_output import DiscordPacketSink
from bot.voice.discord.client import check_discord_version
from bot.voice.discord.link_life import LinkLife
from bot.voice.playback.playback import ReplyPlayback
from bot.voice.playback.sender import TAIL_FRAMES, FrameSender
from sandbox.voice.network import Conditions
from sandbox.voice.peer import VoicePeer
from tests.timing import let_run, wait_until
from tests.tones import pitch, tone
from tests.voice.discord.voice_house import BOT, CHANNEL, House


@pytest.mark.parametrize("house", [True, False], indirect=True, ids=["dave", "plain"])
async def test_a_reply_is_heard_completely_and_without_gaps(house: House) -> None:
    listener = await house.listener()
    client = await house.join()
    sink = DiscordPacketSink(asyncio.get_running_loop())
    source = ReplyPlayback(asyncio.get_running_loop())
    sender = FrameSender(source, sink)
    sender.start()
    sink.attach(client)
    # The reply begins before the key has arrived. Its beginning must not be lost.
    source.begin("r1")
    source.write("r1", tone(1.0))
    source.finish("r1")
    await wait_until(lambda: len(listener.receiver.packets(BOT)) >= 50 + TAIL_FRAMES)
    voiced = listener.receiver.voiced_packets(BOT)
    assert len(voiced) == 50
    assert listener.receiver.undecryptable(BOT) == 0
    assert client.end_to_end_encrypted == listener.encrypted
    sound = listener.receiver.pcm(BOT)
    assert pitch(sound) == pytest.approx(440, abs=5)
    assert sorted(later.arrival - earlier.arrival for earlier, later in pairwise(voiced))[25] < 0.03
    await asyncio.to_thread(sender.end)
    await listener.close()


async def _sent(listener: VoicePeer, count: int) -> None:
    await wait_until(lambda: len(listener.receiver.packets(BOT)) >= count)


async def test_a_reply_does_not_wait_after_its_first_frames(house: House) -> None:
    """discord.py's own player waits 40 ms there, in each reply. A busy machine delays a few replies, but not all."""
    listener = await house.listener()
    client = await house.join()
    sink = DiscordPacketSink(asyncio.get_running_loop())
    source = ReplyPlayback(asyncio.get_running_loop())
    sender = FrameSender(source, sink)
    sender.start()
    sink.attach(client)
    taken = list[float]()
    for number in range(5):
        begin = len(listener.receiver.voiced_packets(BOT))
        source.begin(f"r{number}")
        source.write(f"r{number}", tone(0.1))
        source.finish(f"r{number}")
        await _sent(listener, (number + 1) * (5 + TAIL_FRAMES))
        first, _, _, fourth, *_ = listener.receiver.voiced_packets(BOT)[begin:]
        taken.append(fourth.arrival - first.arrival)
    assert min(taken) < 0.075
    await asyncio.to_thread(sender.end)
    await listener.close()


async def test_keep_alives_are_sent_in_their_interval(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await house.join()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        theirs.setblocking(False)
        with monkeypatch.context() as patch:
            patch.setattr(client._connection, "socket", ours)
            client.keep_alive()
            with pytest.raises(BlockingIOError):
                theirs.recv(100)
            patch.setattr("bot.voice.discord.client.KEEP_ALIVE_INTERVAL", 0.0)
            client.keep_alive()
            assert len(theirs.recv(100)) == 8


async def test_a_connection_whose_reader_died_is_not_healthy(house: House) -> None:
    client = await house.join()
    runner = client._connection._runner
    assert runner is not None
    while not runner.done():
        runner.cancel()
        await asyncio.wait([runner], timeout=0.05)
    assert client.is_connected(), "discord.py does not notice"
    assert not client.healthy


async def test_sound_goes_on_after_the_voice_server_closed_the_connection(house: House) -> None:
    listener = await house.listener()
    client = await house.join()
    sink = DiscordPacketSink(asyncio.get_running_loop())
    sink.attach(client)
    source = ReplyPlayback(asyncio.get_running_loop())
    sender = FrameSender(source, sink)
    sender.start()
    source.begin("r1")
    source.write("r1", tone(0.1))
    # The bot loses what it sends before it notices the close, and a busy machine may notice the close late. So wait
    # here until nothing more is sent. A reply that waits for more sound sends silence for a while.
    before = 0
    while before < 5 or before != len(listener.receiver.voiced_packets(BOT)):
        before = len(listener.receiver.voiced_packets(BOT))
        await let_run(0.2)
    await house.server.close(BOT, 4006)
    await wait_until(lambda: not client.is_connected())
    source.write("r1", tone(0.9))
    source.finish("r1")
    await wait_until(lambda: len(listener.receiver.voiced_packets(BOT)) >= before + 42)
    await asyncio.to_thread(sender.end)
    await listener.close()


def test_an_unsupported_version_of_discord_py_is_named_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    check_discord_version()
    monkeypatch.setattr(discord, "__version__", "2.8.0")
    with pytest.raises(RuntimeError, match=r"2\.8\.0"):
        check_discord_version()


@pytest.mark.parametrize("code", [1006, 4021, 4022])
async def test_the_code_of_a_close_is_known_also_after_discord_py_has_dealt_with_it(house: House, code: int) -> None:
    client = await house.join()
    assert client.close_code is None
    await house.server.close(BOT, code)
    await wait_until(lambda: client.close_code == code)
    client.forget_close()
    assert client.close_code is None


async def test_answers_of_the_voice_server_are_signs_of_life_of_the_gateway_and_of_the_path(house: House) -> None:
    client, life = await house.join(), Signs()
    client.show_life(life)
    client.ask_address()
    await wait_until(lambda: life.answers == 1)
    house.server.upgrade(CHANNEL)
    await wait_until(lambda: life.messages > 0)
    house.server.relay.inject(BOT, bytes(12))
    await wait_until(lambda: life.datagrams == 1)


async def test_whoever_begins_to_speak_is_announced(house: House) -> None:
    listener, client, life = await house.listener(), await house.join(), Signs()
    client.show_life(life)
    await listener.speak(tone(0.1))
    await wait_until(lambda: life.announced == 1)


async def test_another_bot_that_begins_to_speak_is_not_announced(house: House) -> None:
    listener, client, life = await house.listener(), await house.join(), Signs()
    house.members[0].bot = True
    client.show_life(life)
    spoken = life.messages
    await listener.speak(tone(0.1))
    await wait_until(lambda: life.messages > spoken and life.datagrams > 0)
    assert life.announced == 0


@pytest.mark.parametrize("way", ["no packets", "no gateway", "good"])
async def test_a_join_without_any_voice_packet_is_distinguished_from_others(house: House, way: str) -> None:
    house.silent = way == "no gateway"
    house.server.network.up = Conditions(loss=1.0 if way == "no packets" else 0.0)
    joining = asyncio.create_task(house.join())
    if way == "no packets":
        await wait_until(lambda: bool(house.clients) and house.clients[0].no_packets)
    elif way == "no gateway":
        await house.asked.wait()
        assert not house.clients[0].no_packets
    else:
        assert not (await joining).no_packets
    joining.cancel()
    await asyncio.gather(joining, return_exceptions=True)
    assert house.clients[0].no_packets == (way == "no packets"), "also known after the end"


class Signs(LinkLife):
    """Counts the signs of life."""

    def __init__(self) -> None:
        super().__init__()
        self.messages = self.datagrams = self.answers = self.announced = 0

    def somebody_speaks(self) -> None:
        self.announced += 1

    def gateway_spoke(self) -> None:
        self.messages += 1

    def datagram_came(self, *, answer: bool = False) -> None:
        self.answers += answer
        self.datagrams += not answer
