"""One media stream, as Twilio's end of it behaves by Twilio's documentation.

It sends the caller's sound in pieces of 20 ms, silence too, and plays what comes back.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import soxr

from audio.g711 import encode_g711
from audio.pcm import to_int16
from config.tasks import end_tasks
from sandbox.twilio.account import Instruction, TwilioAccount, new_id
from sandbox.twilio.playout import SILENCE, Playout
from sandbox.voice.opus import SAMPLE_RATE, Sound

RATE = 8_000
PIECE = 160
"""Number of samples of 20 ms."""
PIECE_MS = 20
PIECE_SECONDS = PIECE_MS / 1000


@dataclass(frozen=True, slots=True)
class LineQuality:
    """The quality of the caller's line.

    Attributes:
        loss: share of the caller's sound that never reaches Twilio, 0 to 1. The times in later messages show the gaps.
        jitter: longest random delay of a message, in pieces of 20 ms. The order stays.
    """

    loss: float = 0.0
    jitter: int = 0


def telephone_sound(sound: Sound) -> bytes:
    """Convert sound at 48,000 Hz to what a telephone sends: G.711, u-law, whole pieces of 20 ms. Blocks for some ms."""
    narrow = encode_g711(to_int16(soxr.resample(sound, SAMPLE_RATE, RATE)), "ulaw")
    return narrow + SILENCE * (-len(narrow) % PIECE)


class MediaStream:
    """The stream of one phone call.

    :meth:`open` connects and begins it. Then either :meth:`run` keeps it going in real time, or a test calls
    :meth:`tick` for each 20 ms.

    Args:
        socket: the socket to the bot.
        account: id of the account.
        call: id of the phone call.
        parameters: the parameters of the TwiML.
        clock: returns monotonic seconds.

    Attributes:
        playout: what the caller hears, and the marks.
        got: all messages of the bot, in order, without the sound.
    """

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        account: str,
        call: str,
        parameters: Mapping[str, str],
        *,
        quality: LineQuality = LineQuality(),
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.socket = socket
        self.playout = Playout()
        self.got: list[dict[str, Any]] = []
        self.id = new_id("MZ")
        self.call = call
        self._account = account
        self._parameters = parameters
        self._quality = quality
        self._random = random.Random(seed)
        self._clock = clock
        self._sequence = 0
        self._chunk = 0
        self._ticks = 0
        self._outbox: deque[tuple[int, dict[str, Any]]] = deque()
        self._speech: deque[bytes] = deque()
        self._silent = asyncio.Event()
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def open(cls, account: TwilioAccount, call: str, instruction: Instruction, **options: Any) -> Self:
        """Do what the TwiML says: connect, and send ``connected`` and ``start``."""
        socket = await account.session.ws_connect(account.here(instruction.stream))
        stream = cls(socket, account.sid, call, instruction.parameters, **options)
        await stream.start()
        return stream

    # What Twilio sends.

    async def start(self) -> None:
        """Begin the stream."""
        await self.socket.send_str(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        fields = {
            "accountSid": self._account,
            "streamSid": self.id,
            "callSid": self.call,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1},
            "customParameters": dict(self._parameters),
        }
        await self._send({"event": "start", "start": fields})
        self._tasks.append(asyncio.create_task(self._read(), name="twilio: read"))

    def run(self) -> None:
        """Keep the stream going in real time, until it ends."""
        self._tasks.append(asyncio.create_task(self._tick_in_time(), name="twilio: tick"))

    async def tick(self) -> None:
        """20 ms pass: a piece of the caller's sound is sent, and a piece of the bot's sound is heard."""
        piece = self._speech.popleft() if self._speech else SILENCE * PIECE
        if not self._speech:
            self._silent.set()
        if self._random.random() >= self._quality.loss:
            self._chunk += 1
            media = {
                "track": "inbound",
                "chunk": str(self._chunk),
                "timestamp": str(self._ticks * PIECE_MS),
                "payload": base64.b64encode(piece).decode(),
            }
            self._post({"event": "media", "media": media})
        self._ticks += 1
        self._return_marks(self.playout.play(PIECE))
        await self._flush()

    async def press(self, digit: str) -> None:
        """The caller presses a key."""
        self._post({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": digit}})
        await self._flush()

    async def hang_up(self) -> None:
        """The caller hangs up."""
        self._post({"event": "stop", "stop": {"accountSid": self._account, "callSid": self.call}})
        while self._outbox:
            await self._send(self._outbox.popleft()[1])
        await self.close()

    async def close(self) -> None:
        """Close the socket without the message ``stop``."""
        for task in self._tasks[1:]:
            task.cancel()
        await self.socket.close()
        await end_tasks(*self._tasks)

    # What the caller does and hears.

    def say(self, sound: bytes) -> None:
        """Have the caller speak: G.711 in whole pieces of 20 ms."""
        self._speech.extend(sound[at : at + PIECE] for at in range(0, len(sound), PIECE))
        self._silent.clear()

    async def until_said(self) -> None:
        """Wait until the caller has spoken to the end."""
        await self._silent.wait()

    async def until(self, condition: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait until something that this stream gets or plays has made the condition true.

        Raises:
            TimeoutError: it was still false after ``seconds``.
        """
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    @property
    def closed(self) -> bool:
        """Whether the socket is closed."""
        return self._tasks[0].done()

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await self._take(json.loads(message.data))
                self._changed.set()
        self._changed.set()

    async def _take(self, message: dict[str, Any]) -> None:
        if message["streamSid"] != self.id:
            raise ValueError("a message of another stream")
        match message["event"]:
            case "media":
                self.playout.sound(base64.b64decode(message["media"]["payload"], validate=True))
                return
            case "mark":
                self._return_marks(self.playout.mark(message["mark"]["name"]))
            case "clear":
                self._return_marks(self.playout.clear())
            case unknown:
                raise ValueError(f"Twilio knows no event {unknown}")
        self.got.append(message)
        await self._flush()

    def _return_marks(self, names: Any) -> None:
        for name in names:
            self._post({"event": "mark", "mark": {"name": name}})
        self._changed.set()

    def _post(self, message: dict[str, Any]) -> None:
        due = self._ticks + self._random.randint(0, self._quality.jitter)
        self._outbox.append((max(due, self._outbox[-1][0] if self._outbox else 0), message))

    async def _flush(self) -> None:
        while self._outbox and self._outbox[0][0] <= self._ticks:
            await self._send(self._outbox.popleft()[1])

    async def _send(self, message: dict[str, Any]) -> None:
        self._sequence += 1
        text = json.dumps({**message, "sequenceNumber": str(self._sequence), "streamSid": self.id})
        if not self.socket.closed:
            await self.socket.send_str(text)

    async def _tick_in_time(self) -> None:
        began = self._clock()
        while not self.socket.closed:
            await self.tick()
            await asyncio.sleep(max(0.0, began + self._ticks * PIECE_SECONDS - self._clock()))
