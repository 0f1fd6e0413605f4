"""Tests of the voice client with the sandbox's voice server: encrypted sound, and nothing left after the end."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import discord
import pytest
import trustme

from audio.opus import load_opus
from bot.voice.discord.audio_output import DiscordPacketSink
from bot.voice.discord.client import SeiyuuVoiceClient, check_discord_version
from bot.voice.discord.link_life import LinkLife
from bot.voice.playback.playback import ReplyPlayback
from bot.voice.playback.sender import TAIL_FRAMES, FrameSender
from sandbox.voice.network import Conditions
from sandbox.voice.peer import VoicePeer
from sandbox.voice.server import VoiceServer
from sandbox.world.bus import VoiceTicket
from tests.timing import LIMIT, let_run, quickest, wait_until
from tests.tones import pitch, tone

GUILD, CHANNEL, BOT, LISTENER = 1, 77, 500, 600


Readers = Callable[[], list[threading.Thread]]


@pytest.fixture
def readers() -> Readers:
    """The threads that read voice sockets, except for those that earlier tests of this process have left."""
    others = set(threading.enumerate())

    def new() -> list[threading.Thread]:
        named = (thread for thread in threading.enumerate() if thread.name.startswith("voice-socket-reader"))
        return [thread for thread in named if thread not in others]

    return new


class Guild:
    """A guild and its main gateway: it answers a voice state update like Discord."""

    id = GUILD
    me = SimpleNamespace(voice=None)

    def __init__(self, server: VoiceServer) -> None:
        self.client: SeiyuuVoiceClient | None = None
        self.away = False
        self._server = server
        self._answers: set[asyncio.Task[None]] = set()
        self._in_order = asyncio.Lock()

    def get_channel(self, _: int) -> Any:
        return self.client and self.client.channel

    async def change_voice_state(self, *, channel: Any, self_mute: bool = False, self_deaf: bool = False) -> None:
        if self.away:
            raise ConnectionResetError
        answer = asyncio.create_task(self._answer(channel is not None))
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)

    async def _answer(self, joined: bool) -> None:
        async with self._in_order:
            # Discord never answers at once, and discord.py listens only after it has asked.
            await asyncio.sleep(0.01)
            await (self.admit() if joined else self.expel())

    async def admit(self) -> None:
        assert self.client is not None
        self._server.admit(VoiceTicket(GUILD, CHANNEL, BOT, "session", "token"))
        await self.client.on_voice_state_update({"channel_id": str(CHANNEL), "session_id": "session"})
        update = {"guild_id": str(GUILD), "token": "token", "endpoint": self._server.endpoint}
        await self.client.on_voice_server_update(cast(Any, update))

    async def expel(self) -> None:
        assert self.client is not None
        await self._server.expel(GUILD, BOT)
        await self.client.on_voice_state_update({"channel_id": None, "session_id": "session"})


class House:
    """A voice server, with a listener in its channel and a bot that may join.

    Attributes:
        members: who is in the channel, for the bot.
        silent: whether new connections to the voice server stay without an answer.
        asked: set when the bot has tried to connect while ``silent``.
    """

    def __init__(self, http: aiohttp.ClientSession, dave: bool) -> None:
        authority = trustme.CA()
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(served)
        self.trusting = ssl.create_default_context()
        authority.configure_trust(self.trusting)
        self.server = VoiceServer(served, dave=dave)
        self.guild = Guild(self.server)
        self.clients: list[SeiyuuVoiceClient] = []
        self.gateway = SimpleNamespace(open=True)
        self.silent = False
        self.asked = asyncio.Event()
        self.members = [SimpleNamespace(id=LISTENER, bot=False)]
        self._http = http

    async def listener(self) -> VoicePeer:
        ticket = VoiceTicket(GUILD, CHANNEL, LISTENER, "listening", "token")
        self.server.admit(ticket)
        peer = VoicePeer(ticket, self.server.endpoint, self.trusting)
        await peer.connect()
        return peer

    async def join(self) -> SeiyuuVoiceClient:
        async def ws_connect(url: str, **_: Any) -> aiohttp.ClientWebSocketResponse:
            if self.silent:
                self.asked.set()
                await asyncio.Event().wait()
            return await self._http.ws_connect(url, ssl=self.trusting, autoclose=False)

        state = SimpleNamespace(
            loop=asyncio.get_running_loop(),
            user=SimpleNamespace(id=BOT),
            http=SimpleNamespace(ws_connect=ws_connect),
            _remove_voice_client=lambda _: None,
            _get_voice_client=lambda _: self.guild.client,
            get_channel=lambda _: None,
        )
        channel = SimpleNamespace(
            id=CHANNEL,
            guild=self.guild,
            members=self.members,
            bitrate=64_000,
            _get_voice_client_key=lambda: (GUILD, "guild_id"),
        )
        discord_client = SimpleNamespace(_connection=state, ws=self.gateway)
        client = SeiyuuVoiceClient(cast(discord.Client, discord_client), cast(Any, channel))
        self.clients.append(client)
        self.guild.client = client
        await client.connect(reconnect=True, timeout=LIMIT, self_deaf=True)
        return client


@pytest.fixture
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    load_opus()
    async with aiohttp.ClientSession() as http:
        house = House(http, dave=getattr(request, "param", True))
        await house.server.start()
        yield house
        for client in house.clients:
            await client.abandon()
        await house.server.stop()


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


async def test_no_reader_thread_is_left_after_a_leave(house: House, readers: Readers) -> None:
    for _ in range(5):
        client = await house.join()
        assert len(readers()) == 1
        healthy = [client.healthy]
        await client.abandon()
        assert [*healthy, client.healthy] == [True, False]
        assert readers() == []


async def test_leaving_is_quick_although_messages_arrive(house: House) -> None:
    async def leaving() -> float:
        listener = await house.listener()
        client = await house.join()
        await wait_until(lambda: client.end_to_end_encrypted)
        await listener.close()
        began = time.monotonic()
        await client.abandon()
        return time.monotonic() - began

    # aiohttp would wait for 10 s.
    assert await quickest(leaving, 2.0) < 2.0


def own_tasks() -> set[str]:
    """The names of discord.py's tasks for voice connections that are running."""
    return {task.get_name() for task in asyncio.all_tasks()} & {"Voice websocket poller", "Voice connector"}


@pytest.mark.parametrize("reconnecting", [False, True], ids=["at once", "while it reconnects"])
async def test_no_task_is_left_if_the_voice_server_changes_as_the_bot_leaves(house: House, reconnecting: bool) -> None:
    client = await house.join()
    assert own_tasks() == {"Voice websocket poller"}
    house.silent = True
    update = {"guild_id": str(GUILD), "token": "another", "endpoint": house.server.endpoint}
    await client.on_voice_server_update(cast(Any, update))
    if reconnecting:
        async with asyncio.timeout(LIMIT):
            await house.asked.wait()
    await client.disconnect(force=True)
    assert own_tasks() == set()


async def test_leaving_waits_for_no_confirmation_where_there_is_no_connection_to_discord(
    house: House, readers: Readers
) -> None:
    client = await house.join()
    house.guild.away, house.gateway.open = True, False
    async with asyncio.timeout(LIMIT / 4):
        await client.disconnect(force=True)
    assert own_tasks() == set()
    assert readers() == []


async def test_a_task_that_discord_py_has_forgotten_ends_with_the_connection(house: House) -> None:
    client = await house.join()
    # Two changes one after another: discord.py cancels its first task and starts others.
    for token in ("another", "a third"):
        update = {"guild_id": str(GUILD), "token": token, "endpoint": house.server.endpoint}
        await client.on_voice_server_update(cast(Any, update))
    await client.disconnect(force=True)
    assert own_tasks() == set()


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


async def test_a_client_that_never_connected_leaves_no_reader(house: House, readers: Readers) -> None:
    house.guild.admit = lambda: asyncio.sleep(0)  # type: ignore[method-assign]
    joining = asyncio.create_task(house.join())
    await wait_until(lambda: len(readers()) == 1)
    joining.cancel()
    await asyncio.wait([joining])
    await house.clients[0].abandon()
    assert readers() == []


async def test_a_removal_is_reported_and_a_leave_of_our_own_is_not(house: House) -> None:
    told: list[str] = []
    client = await house.join()
    client.on_removed = lambda: told.append("kicked")
    await client.disconnect(force=True)
    assert told == []
    client = await house.join()
    client.on_removed = lambda: told.append("kicked")
    await house.guild.expel()
    await wait_until(lambda: told == ["kicked"] and not client.healthy)


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
    # What is sent between the close and the moment when the bot notices it is lost, and a busy machine may notice late.
    # So wait here until nothing more is sent. A reply that waits for more sound sends silence for a while.
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


def test_the_error_names_the_version_of_another_discord_py(monkeypatch: pytest.MonkeyPatch) -> None:
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
async def test_a_join_without_any_voice_packet_is_told_from_others(house: House, way: str) -> None:
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
