"""A guest's voice connection: a real client of voice gateway, UDP and DAVE, which sends and receives sound."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import ssl
import struct
import time
from pathlib import Path
from typing import Any

import aiohttp
import davey
import numpy as np

from audio.decode import read_sound
from config.tasks import end_tasks
from sandbox.voice.audio_receiver import AudioReceiver, ReceivedPacket
from sandbox.voice.microphone import PushToTalk, SimulatedMicrophone
from sandbox.voice.ops import VoiceOp
from sandbox.voice.opus import SAMPLE_RATE, MonoEncoder, Sound
from sandbox.voice.rtp import (
    FRAME_SAMPLES,
    MODES,
    SILENCE,
    PacketCipher,
    RtpError,
    make_cipher,
    make_header,
    parse_header,
    strip,
)
from sandbox.voice.udp import Address, TimedSocket
from sandbox.world.bus import VoiceTicket

_log = logging.getLogger(__name__)

CONNECT_LIMIT = 10.0
"""If connecting to the voice server takes longer than this many seconds, the connection fails."""
TAIL_FRAMES = 5
"""Number of frames of silence after speech. Discord asks clients for them."""
FRAME_SECONDS = 0.02
_PENDING_PACKETS = 100
"""Packets of unknown speakers are kept until the speakers are known. Beyond about this many, the oldest are dropped."""


class VoicePeer:
    """One guest in one voice channel. Use it on one event loop.

    Args:
        ticket: the ids and secrets for the voice server.
        endpoint: the voice server, ``host:port``.
        tls: a TLS context that trusts the server.
        mode: the preferred transport encryption.

    Attributes:
        receiver: the received sound.
        close_code: the code with which the server closed the connection; ``None`` before that.
        dave_version: the DAVE protocol version in use; 0 without end-to-end encryption.
    """

    def __init__(self, ticket: VoiceTicket, endpoint: str, tls: ssl.SSLContext, *, mode: str = MODES[0]) -> None:
        self.receiver = AudioReceiver()
        self.close_code: int | None = None
        self.dave_version = 0
        self._ticket = ticket
        self._endpoint = endpoint
        self._tls = tls
        self._mode = mode
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._udp: TimedSocket | None = None
        self._server: Address = ("", 0)
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = asyncio.Event()
        self._cipher: PacketCipher | None = None
        self._dave: davey.DaveSession | None = None
        self._transitions: dict[int, int] = {}
        self._speakers: dict[int, int] = {}
        self._pending: list[tuple[int, ReceivedPacket]] = []
        self._sequence_ack = -1
        self._ssrc = 0
        self._sequence = random.randrange(1 << 16)
        self._timestamp = random.randrange(1 << 32)
        self._encoder = MonoEncoder()
        self._speaking = asyncio.Lock()

    @property
    def encrypted(self) -> bool:
        """Whether this guest is in the end-to-end encryption group."""
        return self.dave_version > 0 and self._dave is not None and self._dave.ready

    async def connect(self) -> None:
        """Connect. Returns once sound can be sent and received.

        Raises:
            ConnectionError: the server closed the connection; the text has the code.
            TimeoutError: connecting took longer than :data:`CONNECT_LIMIT` seconds.
        """
        self._http = aiohttp.ClientSession()
        self._udp = TimedSocket("127.0.0.1", self._on_datagram)
        try:
            self._socket = await self._http.ws_connect(f"wss://{self._endpoint}/?v=8", ssl=self._tls)
            self._tasks.append(
                asyncio.create_task(self._read(self._socket), name=f"guest {self._ticket.user_id} voice")
            )
            ready = asyncio.create_task(self._ready.wait())
            done, _ = await asyncio.wait(
                [ready, *self._tasks], timeout=CONNECT_LIMIT, return_when=asyncio.FIRST_COMPLETED
            )
            ready.cancel()
            if not self._ready.is_set():
                if done:
                    raise ConnectionError(f"the voice server closed the connection: {self.close_code}")
                raise TimeoutError("the voice server did not answer")
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection. The guild's voice state stays as it is."""
        # We close first, since cancelling the reader would break the connection without a close handshake.
        if self._socket is not None:
            await self._socket.close()
        await end_tasks(*self._tasks)
        self._tasks.clear()
        if self._http is not None:
            await self._http.close()
        if self._udp is not None:
            self._udp.close()

    async def speak(self, sound: Sound, microphone: SimulatedMicrophone | None = None) -> None:
        """Send a sound (48,000 Hz mono) in real time. Returns after the last frame."""
        async with self._speaking:
            await self._transmit((microphone or PushToTalk()).frames(np.asarray(sound, np.float32)))

    async def speak_file(self, path: Path, microphone: SimulatedMicrophone | None = None) -> None:
        """Send a sound file in real time. Raises ``OSError`` if it can't be read."""
        await self.speak(await asyncio.to_thread(read_sound, path, SAMPLE_RATE), microphone)

    async def _transmit(self, frames: Any) -> None:
        loop, sending = asyncio.get_running_loop(), False
        due = loop.time()
        for frame in frames:
            if frame is not None:
                if not sending:
                    await self._say(VoiceOp.SPEAKING, {"speaking": 1, "delay": 0, "ssrc": self._ssrc})
                    sending = True
                self._send(self._encoder.encode(frame))
            elif sending:
                sending = False
                self._send_tail()
            else:
                self._timestamp += FRAME_SAMPLES
            due += FRAME_SECONDS
            await asyncio.sleep(due - loop.time())
        if sending:
            self._send_tail()
            await self._say(VoiceOp.SPEAKING, {"speaking": 0, "delay": 0, "ssrc": self._ssrc})

    def _send_tail(self) -> None:
        for _ in range(TAIL_FRAMES):
            self._send(SILENCE)

    def _send(self, opus: bytes) -> None:
        if self._udp is None or self._cipher is None:
            return
        encrypting = self.encrypted and opus != SILENCE and self._dave is not None
        payload = self._dave.encrypt_opus(opus) if encrypting and self._dave is not None else opus
        self._sequence += 1
        self._timestamp += FRAME_SAMPLES
        header = make_header(self._sequence, self._timestamp, self._ssrc)
        self._udp.send(self._cipher.seal(header, payload), self._server)

    def _on_datagram(self, data: bytes, address: Address, arrival: float) -> None:
        if self._cipher is None:
            return
        try:
            header = parse_header(data)
            frame = strip(header, self._cipher.open(data, header.size))
        except RtpError:
            return
        packet = ReceivedPacket(arrival, header.sequence, header.timestamp, frame)
        if not self._hear(header.ssrc, packet):
            self._pending = [*self._pending[-_PENDING_PACKETS:], (header.ssrc, packet)]

    def _hear(self, ssrc: int, packet: ReceivedPacket) -> bool:
        """Decrypt a packet and keep it. Returns False if its speaker is not known yet."""
        user = self._speakers.get(ssrc)
        if user is None:
            return False
        opus = packet.opus
        if not packet.silent and opus.endswith(b"\xfa\xfa") and self._dave is not None:
            try:
                opus = self._dave.decrypt(user, davey.MediaType.audio, packet.opus)
            except ValueError:
                self.receiver.add_undecryptable(user)
                return True
        self.receiver.add(user, ReceivedPacket(packet.arrival, packet.sequence, packet.timestamp, opus))
        return True

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                body = json.loads(message.data)
                self._sequence_ack = body.get("seq", self._sequence_ack)
                await self._on_message(body["op"], body["d"])
            elif message.type is aiohttp.WSMsgType.BINARY:
                self._sequence_ack = struct.unpack_from(">H", message.data)[0]
                await self._on_binary(message.data[2], message.data[3:])
        self.close_code = socket.close_code

    async def _on_message(self, op: int, data: Any) -> None:
        match op:
            case VoiceOp.HELLO:
                self._tasks.append(asyncio.create_task(self._beat(data["heartbeat_interval"] / 1000)))
                await self._identify()
            case VoiceOp.READY:
                self._ssrc, self._server = data["ssrc"], (data["ip"], data["port"])
                await self._select(data["modes"])
            case VoiceOp.SESSION_DESCRIPTION:
                self._cipher = make_cipher(data["mode"], bytes(data["secret_key"]))
                self.dave_version = data["dave_protocol_version"]
                if self.dave_version:
                    await self._begin_group()
                self._ready.set()
            case VoiceOp.SPEAKING:
                self._speakers[data["ssrc"]] = int(data["user_id"])
                pending, self._pending = self._pending, []
                self._pending = [item for item in pending if not self._hear(*item)]
            case VoiceOp.PREPARE_TRANSITION:
                await self._prepare(data["transition_id"], data["protocol_version"])
            case VoiceOp.EXECUTE_TRANSITION:
                self.dave_version = self._transitions.pop(data["transition_id"], self.dave_version)
            case VoiceOp.PREPARE_EPOCH:
                self.dave_version = data["protocol_version"]
                if data["epoch"] == 1:
                    await self._begin_group()

    async def _identify(self) -> None:
        ticket = self._ticket
        await self._say(
            VoiceOp.IDENTIFY,
            {
                "server_id": str(ticket.guild_id),
                "user_id": str(ticket.user_id),
                "session_id": ticket.session_id,
                "token": ticket.token,
                "max_dave_protocol_version": davey.DAVE_PROTOCOL_VERSION,
            },
        )

    async def _select(self, modes: list[str]) -> None:
        mode = self._mode if self._mode in modes else modes[0]
        address = self._udp.address if self._udp is not None else ("127.0.0.1", 0)
        if self._udp is not None:
            self._udp.send(struct.pack(">HHI", 1, 70, self._ssrc).ljust(74, b"\0"), self._server)
        data = {"address": address[0], "port": address[1], "mode": mode}
        await self._say(VoiceOp.SELECT_PROTOCOL, {"protocol": "udp", "data": data})

    async def _begin_group(self) -> None:
        ticket = self._ticket
        if self._dave is None:
            self._dave = davey.DaveSession(self.dave_version, ticket.user_id, ticket.channel_id)
        else:
            self._dave.reinit(self.dave_version, ticket.user_id, ticket.channel_id)
        await self._say_binary(VoiceOp.KEY_PACKAGE, self._dave.get_serialized_key_package())

    async def _prepare(self, transition: int, version: int) -> None:
        if transition == 0:
            self.dave_version = version
            return
        self._transitions[transition] = version
        if version == 0 and self._dave is not None:
            self._dave.set_passthrough_mode(True, 120)
        await self._say(VoiceOp.TRANSITION_READY, {"transition_id": transition})

    async def _on_binary(self, op: int, payload: bytes) -> None:
        dave = self._dave
        if dave is None:
            return
        match op:
            case VoiceOp.EXTERNAL_SENDER:
                dave.set_external_sender(payload)
            case VoiceOp.PROPOSALS:
                kind = davey.ProposalsOperationType.append if payload[0] == 0 else davey.ProposalsOperationType.revoke
                try:
                    result = dave.process_proposals(kind, payload[1:])
                except (ValueError, RuntimeError) as error:
                    # The proposals belong to a group that this client has left. The whitepaper asks to ignore them.
                    _log.info("Guest %d ignored proposals: %s", self._ticket.user_id, error)
                    return
                if isinstance(result, davey.CommitWelcome):
                    await self._say_binary(VoiceOp.COMMIT_WELCOME, result.commit + (result.welcome or b""))
            case VoiceOp.ANNOUNCE_COMMIT | VoiceOp.WELCOME:
                await self._follow(dave, op, payload)

    async def _follow(self, dave: davey.DaveSession, op: int, payload: bytes) -> None:
        transition = struct.unpack_from(">H", payload)[0]
        try:
            if op == VoiceOp.ANNOUNCE_COMMIT:
                dave.process_commit(payload[2:])
            else:
                dave.process_welcome(payload[2:])
        except (ValueError, RuntimeError) as error:
            _log.info("Guest %d could not follow a transition: %s", self._ticket.user_id, error)
            await self._say(VoiceOp.INVALID_COMMIT_WELCOME, {"transition_id": transition})
            await self._begin_group()
            return
        if transition:
            self._transitions[transition] = self.dave_version
            await self._say(VoiceOp.TRANSITION_READY, {"transition_id": transition})

    async def _beat(self, interval: float) -> None:
        while True:
            await self._say(VoiceOp.HEARTBEAT, {"t": int(time.time() * 1000), "seq_ack": self._sequence_ack})
            await asyncio.sleep(interval)

    async def _say(self, op: int, data: Any) -> None:
        if self._socket is not None:
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                await self._socket.send_str(json.dumps({"op": op, "d": data}))

    async def _say_binary(self, op: int, payload: bytes) -> None:
        if self._socket is not None:
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                await self._socket.send_bytes(bytes([op]) + payload)
