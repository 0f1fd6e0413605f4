"""A caller for benchmarks: a telephone on two bare UDP sockets, one for SIP and one for RTP, on this machine alone."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import struct
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from audio.g711 import Law
from benchmarks.errors import MeasurementError
from benchmarks.telephone import TelephoneNetwork, decoded
from sandbox.voice.microphone import PushToTalk, SimulatedMicrophone
from sandbox.voice.opus import FRAME_SAMPLES, Sound
from sandbox.voice.udp import Address, TimedSocket

HOST = "127.0.0.1"
LAW: Law = "alaw"
PAYLOAD_TYPE = 8
AUDIBLE = 0.001
"""A packet with a sample above this is voiced: -60 dB of full scale."""
ANSWER_LIMIT = 30.0
"""Seconds within which the bot must have answered the phone call."""
_FRAME_SECONDS = 0.02
_FRAME_BYTES = 160
_RTP = struct.Struct(">BBHII")
_SILENCE = np.zeros(FRAME_SAMPLES, np.float32)


def free_port() -> int:
    """A UDP port of this machine that nobody uses now, for the bot's SIP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


class Caller:
    """Calls the bot and talks with it. Use it as an async context manager, on one event loop.

    It is a :class:`~benchmarks.spoken_microphones.VoiceConnection`. Its words go through the filter of a telephone
    network, which delays them by 6 ms.

    Args:
        endpoint: address on which the bot takes phone calls over SIP.
        hear: called with the arrival time of each packet, and whether it is voiced.

    Raises:
        MeasurementError: the bot did not answer the phone call (on entering).

    Attributes:
        hung_up: whether the bot has ended the phone call.
    """

    def __init__(self, endpoint: Address, hear: Callable[[float, bool], None] = lambda arrival, voiced: None) -> None:
        self.hung_up = False
        self._endpoint = endpoint
        self._told = hear
        self._responses: asyncio.Queue[str] = asyncio.Queue()
        self._signals = TimedSocket(HOST, lambda data, _, __: self._receive(data.decode()))
        self._sound = TimedSocket(HOST, self._hear)
        self._call, self._tag, self._to = secrets.token_hex(8), secrets.token_hex(4), f"<sip:bot@{HOST}>"
        self._sound_to: Address | None = None
        self._network = TelephoneNetwork(LAW)
        self._ssrc, self._packets = secrets.randbits(32), 0
        self._voiced: list[float] = []

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                await self._dial()
        except BaseException as error:
            self._close()
            if isinstance(error, TimeoutError):
                raise MeasurementError(f"the bot did not answer the phone within {ANSWER_LIMIT:.0f} s") from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._send("BYE", 2)
        self._close()

    def _close(self) -> None:
        self._signals.close()
        self._sound.close()

    async def _dial(self) -> None:
        self._send(
            "INVITE",
            1,
            f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {self._sound.address[1]} RTP/AVP {PAYLOAD_TYPE}\r\na=sendrecv\r\n",
        )
        while (answer := await self._responses.get()).startswith("SIP/2.0 1"):
            pass
        to, port = re.search(r"^To: *(.+)\r$", answer, re.M | re.I), re.search(r"^m=audio (\d+) ", answer, re.M)
        if not answer.startswith("SIP/2.0 200 ") or to is None or port is None:
            raise MeasurementError(f"the bot did not take the phone call: {answer.splitlines()[0]}")
        self._to, self._sound_to = to[1], (HOST, int(port[1]))
        self._send("ACK", 1)

    def _receive(self, text: str) -> None:
        if text.startswith("BYE "):
            self.hung_up = True
        else:
            self._responses.put_nowait(text)

    def _send(self, method: str, sequence: int, body: str = "") -> None:
        own = f"{HOST}:{self._signals.address[1]}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = (
            f"{method} sip:bot@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{secrets.token_hex(8)};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:+4930123456@{HOST}>;tag={self._tag}\r\nTo: {self._to}\r\n"
            f"Call-ID: {self._call}\r\nCSeq: {sequence} {method}\r\nContact: <sip:caller@{own}>\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self._signals.send(text.encode(), self._endpoint)

    async def speak(self, sound: Sound, microphone: SimulatedMicrophone | None = None) -> None:
        """Send a sound (48,000 Hz mono) in real time. Where the microphone is closed, silence is sent."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for frame in (microphone or PushToTalk()).frames(np.asarray(sound, np.float32)):
            self._say(self._network.carry(_SILENCE if frame is None else frame))
            due += _FRAME_SECONDS
            await asyncio.sleep(due - loop.time())

    def _say(self, payload: bytes) -> None:
        if self._sound_to is None:
            raise RuntimeError("the phone call has not begun")
        self._packets += 1
        stamp = self._packets * _FRAME_BYTES % 2**32
        header = _RTP.pack(0x80, PAYLOAD_TYPE, self._packets % 2**16, stamp, self._ssrc)
        self._sound.send(header + payload, self._sound_to)

    def _hear(self, data: bytes, sender: Address, arrival: float) -> None:
        sound = decoded(data[_RTP.size :], LAW)
        voiced = len(sound) > 0 and bool(np.max(np.abs(sound)) >= AUDIBLE)
        if voiced:
            self._voiced.append(arrival)
        self._told(arrival, voiced)

    def voiced(self, since: float) -> Sequence[float]:
        """The times after ``since`` at which the bot's voiced packets arrived, by the kernel's clock."""
        return [at for at in self._voiced if at > since]

    async def wait_for_silence(self, seconds: float, limit: float) -> None:
        """Wait until no voiced packet comes for ``seconds``. Raises :class:`TimeoutError` after ``limit`` seconds."""
        async with asyncio.timeout(limit):
            while True:
                wait = self._voiced[-1] + seconds - time.monotonic() if self._voiced else 0.0
                if wait <= 0:
                    return
                await asyncio.sleep(wait)
