"""A client of the speech server over a real socket; it collects messages and sound."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from numpy.typing import NDArray

from hardware.poll import CardPoll
from tests.tts_server.local_speech import LocalSpeech
from tts_server.engines.base import SpeechEngine
from tts_server.server import SpeechServer
from tts_server.speaking.engine_pool import EnginePool
from tts_server.voices.library import VoiceLibrary
from wire.messages import (
    Failure,
    Flushed,
    Notice,
    SegmentEnd,
    SegmentStart,
    ServerMessage,
    Speak,
    parse_server,
)

TIMEOUT = 60.0
"""Timeout of each wait of a test, in seconds."""


@dataclass
class Heard:
    """One reply as it arrived."""

    texts: list[str] = field(default_factory=list)
    audio: list[NDArray[np.float32]] = field(default_factory=list)
    flushed: Flushed | None = None
    failure: Failure | None = None

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def samples(self) -> NDArray[np.float32]:
        return np.concatenate(self.audio) if self.audio else np.zeros(0, np.float32)


class SpeechClient:
    """Speaks the protocol and checks its order: sound comes only between a segment's start and its end."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._open: SegmentStart | None = None
        self._samples = 0

    async def say(self, text: str, reply: str | None = None, **parameters: Any) -> None:
        await self.socket.send_json({"token": text, "reply": reply, "flush": True, **parameters})

    async def send(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def token(self, text: str, reply: str | None = None, flush: bool = False) -> None:
        await self.socket.send_str(Speak(text, flush, reply).to_json())

    async def next(self) -> ServerMessage | NDArray[np.float32]:
        """The next message, after checking that it may follow the one before."""
        message = await self.socket.receive(timeout=TIMEOUT)
        if message.type is aiohttp.WSMsgType.BINARY:
            assert self._open is not None, "audio outside a segment"
            samples = np.frombuffer(message.data, "<f4").astype(np.float32)
            self._samples += len(samples)
            return samples
        assert message.type is aiohttp.WSMsgType.TEXT, message
        event = parse_server(message.data)
        match event:
            case SegmentStart():
                assert self._open is None, "a segment in a segment"
                self._open, self._samples = event, 0
            case SegmentEnd():
                assert self._open is not None
                assert (event.segment, event.reply) == (self._open.segment, self._open.reply)
                assert event.samples == self._samples
                self._open = None
            case Flushed():
                assert self._open is None, "a reply ended in a segment"
            case Failure() if self._open is None or event.reply != self._open.reply:
                # Errors of other replies may come at any time.
                pass
            case Notice():
                pass
            case _:
                self._open = None
        return event

    async def until(self, kind: type[ServerMessage] | Callable[[ServerMessage], bool]) -> list[Any]:
        """All messages up to and including the first event of a kind."""
        received: list[Any] = []
        while True:
            received.append(await self.next())
            if isinstance(received[-1], np.ndarray):
                continue
            if isinstance(received[-1], kind) if isinstance(kind, type) else kind(received[-1]):
                return received

    async def hear(self) -> Heard:
        """The next complete reply, or the error that ended it."""
        heard = Heard()
        while True:
            match await self.next():
                case SegmentStart() as start:
                    assert start.segment == len(heard.texts)
                    heard.texts.append(start.text)
                case Flushed() as flushed:
                    heard.flushed = flushed
                    return heard
                case Failure() as failure:
                    heard.failure = failure
                    return heard
                case np.ndarray() as samples:
                    heard.audio.append(samples)
                case _:
                    pass


@dataclass
class RunningServer:
    """A speech server on a real port of this machine."""

    server: SpeechServer
    http: LocalSpeech
    session: aiohttp.ClientSession
    pool: EnginePool

    @property
    def engine(self) -> SpeechEngine:
        """The preferred engine."""
        return self.pool.engines[0]

    def url(self, path: str, scheme: str = "http") -> str:
        """The address of a path on this server."""
        return f"{scheme}://127.0.0.1:{self.http.port}{path}"

    @asynccontextmanager
    async def connect(self, path: str = "/ws/stream", **options: Any) -> AsyncIterator[SpeechClient]:
        async with self.session.ws_connect(self.url(path), **options) as socket:
            yield SpeechClient(socket)

    async def health(self) -> dict[str, Any]:
        async with self.session.get(self.url("/health")) as response:
            return dict(await response.json())

    async def metric(self, name: str) -> float:
        async with self.session.get(self.url("/metrics")) as response:
            for line in (await response.text()).splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
        return 0.0


@asynccontextmanager
async def running(
    engine: SpeechEngine,
    *others: SpeechEngine,
    token: str | None = None,
    allowed_origins: Sequence[str] = (),
    **options: Any,
) -> AsyncIterator[RunningServer]:
    """Run a server during the block. ``engine`` is preferred, ``others`` are fallbacks; ``options`` go to the pool."""
    with tempfile.TemporaryDirectory() as folder:
        library = VoiceLibrary(Path(folder))
        async with running_with(library, [engine, *others], token, None, allowed_origins, **options) as server:
            yield server


@asynccontextmanager
async def running_with(
    library: VoiceLibrary,
    engines: Sequence[SpeechEngine],
    token: str | None = None,
    cards: CardPoll | None = None,
    allowed_origins: Sequence[str] = (),
    **options: Any,
) -> AsyncIterator[RunningServer]:
    """Run a server with these engines and voices during the block; without ``cards``, on a machine without GPUs."""
    no_cards = CardPoll(["0.9"], read=tuple)
    server = SpeechServer(library, cards or no_cards, token, allowed_origins=allowed_origins)
    async with LocalSpeech(server.application, shutdown_timeout=2.0) as http, aiohttp.ClientSession() as session:
        pool = await server.load(lambda: EnginePool(engines, **options))
        yield RunningServer(server, http, session, pool)
