"""The UDP side of the voice server: IP discovery, and passing packets on to the other members of a channel."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic

from sandbox.voice.network import Conditions, SimulatedNetwork
from sandbox.voice.rtp import SILENCE, PacketCipher, RtpError, parse_header
from sandbox.voice.udp import Address, TimedSocket

_DISCOVERY_SIZE = 74
_DISCOVERY = struct.Struct(">HHI")
# The two types of discovery packets, and the length in their header: the number of bytes that follow it.
_REQUEST, _ANSWER, _BODY = 1, 2, 70
_LOG_LENGTH = 100_000


@dataclass(slots=True, eq=False)
class RelayClient:
    """A client of the relay. ``room`` is the id of its voice channel."""

    user: int
    room: int
    ssrc: int
    cipher: PacketCipher | None = None
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class RelayedPacket:
    """A relayed packet: the times at which it was received and forwarded, in monotonic seconds.

    ``silent`` is true for Discord's frame of silence, which is not end-to-end encrypted.
    """

    user: int
    ssrc: int
    sequence: int
    received: float
    forwarded: float
    silent: bool


class VoiceRelay:
    """Passes packets on to all others in the same room, encrypted with each receiver's key. Use it on the event loop.

    Attributes:
        log: the last packets, so that benchmarks can subtract the relay's own delay.
    """

    def __init__(self, host: str, network: SimulatedNetwork) -> None:
        self.log: deque[RelayedPacket] = deque(maxlen=_LOG_LENGTH)
        self._host = host
        self._network = network
        self._clients: dict[int, RelayClient] = {}
        self._socket: TimedSocket | None = None
        self._delayed: set[asyncio.TimerHandle] = set()
        self._held: list[Callable[[], None]] = []  # what is done at the end of the stall, in order

    def start(self) -> None:
        """Open the socket."""
        self._socket = TimedSocket(self._host, self._receive)

    def stop(self) -> None:
        """Close the socket and drop delayed packets."""
        for handle in self._delayed:
            handle.cancel()
        self._delayed.clear()
        self._held.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @property
    def address(self) -> Address:
        """The address that clients send to."""
        if self._socket is None:
            raise RuntimeError("the relay is not running")
        return self._socket.address

    def add(self, client: RelayClient) -> None:
        """Add a client."""
        self._clients[client.ssrc] = client

    def remove(self, client: RelayClient) -> None:
        """Remove a client."""
        self._clients.pop(client.ssrc, None)

    def inject(self, user: int, datagram: bytes) -> None:
        """Cause a fault: send a client any datagram from the server's address."""
        for client in self._clients.values():
            if client.user == user and client.address is not None and self._socket is not None:
                self._socket.send(datagram, client.address)

    def _receive(self, data: bytes, address: Address, arrival: float) -> None:
        if len(data) == _DISCOVERY_SIZE and _DISCOVERY.unpack_from(data)[:2] == (_REQUEST, _BODY):
            if self._network.up.loss < 1.0:
                self._discover(data, address)
            return
        data = self._network.damaged(self._network.up, data)
        self._pass(self._network.up, lambda: self._relay(data, address, arrival))

    def _discover(self, data: bytes, address: Address) -> None:
        ssrc = _DISCOVERY.unpack_from(data)[2]
        client = self._clients.get(ssrc)
        if client is None or self._socket is None:
            return
        client.address = address
        host = address[0].encode().ljust(64, b"\0")
        self._socket.send(_DISCOVERY.pack(_ANSWER, _BODY, ssrc) + host + struct.pack(">H", address[1]), address)

    def _relay(self, data: bytes, address: Address, arrival: float) -> None:
        try:
            header = parse_header(data)
            client = self._clients.get(header.ssrc)
            if client is None or client.address != address or client.cipher is None:
                return
            plain = client.cipher.open(data, header.size)
        except RtpError:
            return
        clear, sealed = data[: header.size], plain
        if not header.padded:
            clear, sealed = self._network.wrap(clear, plain)
        for other in self._others(client):
            if other.cipher is not None and other.address is not None:
                self._deliver(other.cipher.seal(clear, sealed), other.address)
        silent = plain[4 * header.extension_words :] == SILENCE
        self.log.append(RelayedPacket(client.user, header.ssrc, header.sequence, arrival, monotonic(), silent))

    def _others(self, client: RelayClient) -> Iterable[RelayClient]:
        return (other for other in self._clients.values() if other.room == client.room and other is not client)

    def _deliver(self, packet: bytes, address: Address) -> None:
        packet = self._network.damaged(self._network.down, packet)

        def send() -> None:
            if self._socket is not None:
                self._socket.send(packet, address)

        self._pass(self._network.down, send)

    def _pass(self, conditions: Conditions, act: Callable[[], None]) -> None:
        """Let a packet through. While the network stands still, it waits behind those that came before it."""
        left = self._network.stalled_for
        if left > 0.0 or self._held:
            if not self._held:
                self._later(left, self._end_stall)
            self._held.append(act)
            return
        for delay in self._network.fate(conditions):
            if delay == 0.0:
                act()
            else:
                self._later(delay, act)

    def _end_stall(self) -> None:
        held, self._held = self._held, []
        for act in held:
            act()

    def _later(self, delay: float, act: Callable[[], None]) -> None:
        self._delayed = {handle for handle in self._delayed if handle.when() > monotonic()}
        self._delayed.add(asyncio.get_running_loop().call_later(delay, act))
