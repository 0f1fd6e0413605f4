"""The WebSocket ``/ws/chat`` on loopback, with real calls behind it and doubles for ears, mind and voice."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import soxr
from aiohttp import web
from numpy.typing import NDArray

from audio.pcm import to_pcm16
from audio.samples import HEARING_RATE
from bot.browser_calls import BrowserCalls
from bot.browser_characters import BrowserCharacters
from bot.characters import Characters, LocalCharacter
from bot.consent import ListeningConsent
from bot.controls.volumes import Volumes
from bot.database import Database
from bot.http.chat_socket import ChatSocket
from bot.http.realtime.socket import RealtimeSocket
from bot.lease import Lease
from bot.llm.history import History
from bot.llm.personas import PERSONAS_DIR
from bot.store import Store
from bot.tools.yes_no_words import YesNoWords
from bot.voice.browser.people import BrowserPeople
from bot.voice.browser.transport import BrowserCall, BrowserTransport
from bot.voice.call import Call
from bot.voice.call_parts import CallParts
from bot.voice.engines import CallEngines, LoadingReport
from bot.voice.listening_notice import ListeningTerms
from bot.voice.manager import CallManager
from bot.voice.ports import Responder, SpeechClient
from bot.voice.speculation import WITHOUT_COSTS
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.transcriber import Transcriber
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from bot.voice.turns.turns import load_turn_policy
from bot.voice.utterances.word_lists import load_word_lists
from config.sections import AnswerPolicy, CallSettings, ListeningPolicy
from tests.http_server import LocalServer
from tests.timing import LIMIT
from tests.voice.doubles import ConstantTranscriber, HummingSpeech, RepeatingResponder
from wire.parameters import SpeechParameters

FRAME_BYTES = HEARING_RATE // 50 * 2
HELLO = {"type": "hello", "name": "Ada", "audio": {"up": 16000, "down": 24000}}


class HeldFeature:
    """A feature that is held during calls."""

    name = "drawing"

    def __init__(self) -> None:
        self.held = False

    async def hold(self, reason: str) -> None:
        self.held = True

    async def release(self) -> None:
        self.held = False


class ChatPage:
    """A client of the socket: what it has got so far, in order, and how it was closed."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.got: list[dict[str, Any]] = []
        self.sound = bytearray()
        self.changed = asyncio.Event()
        self._reading = asyncio.create_task(self._read(), name="page")

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.got.append(json.loads(message.data))
            elif message.type is aiohttp.WSMsgType.BINARY:
                self.sound += message.data
            self.changed.set()
        self.changed.set()

    def pause(self) -> None:
        """Read no more."""
        self._reading.cancel()

    async def send(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def hello(self, **fields: Any) -> dict[str, Any]:
        """Say hello, and wait until the call is on."""
        await self.send(**{**HELLO, **fields})
        return await self.until("ready")

    async def speak(self, sound: NDArray[np.float32], *, silence: float = 0.0) -> None:
        """Send this speech (48,000 Hz) in real time, and then silence."""
        low = np.concatenate([soxr.resample(sound, 48_000, HEARING_RATE), np.zeros(int(silence * HEARING_RATE))])
        pcm = to_pcm16(low.astype(np.float32))
        began = time.monotonic()
        for number, at in enumerate(range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)):
            await asyncio.sleep(began + 0.02 * number - time.monotonic())
            await self.socket.send_bytes(pcm[at : at + FRAME_BYTES])

    def all(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        wanted = {"type": kind, **fields}
        return [each for each in self.got if wanted.items() <= each.items()]

    async def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The first message of this kind with these fields."""
        await self.wait(lambda: self.all(kind, **fields), f"{kind} {fields}")
        return self.all(kind, **fields)[0]

    async def count(self, kind: str, count: int, **fields: Any) -> None:
        """Wait until ``count`` messages of this kind with these fields have come."""
        await self.wait(lambda: len(self.all(kind, **fields)) >= count, f"{count} {kind}")

    async def noticed(self, words: str) -> None:
        """Wait for a notice with these words."""
        await self.wait(lambda: any(words in each["text"] for each in self.all("notice")), words)

    async def wait(self, condition: Callable[[], Any], what: str) -> None:
        try:
            async with asyncio.timeout(LIMIT):
                while not condition():
                    self.changed.clear()
                    await asyncio.wait_for(self.changed.wait(), LIMIT)
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}; got {self.got[-8:]}") from None

    async def closed(self) -> int | None:
        """Wait until the socket is closed. Returns the close code."""
        await asyncio.wait([self._reading], timeout=LIMIT)
        assert self._reading.done(), "the socket is still open"
        return self.socket.close_code

    async def end(self) -> None:
        await self.socket.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    def vanish(self) -> None:
        """Break the connection off, without a word."""
        connection = self.socket.get_extra_info("socket")
        assert connection is not None
        self._transport.abort()

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Read nothing from the network while the block runs."""
        transport = self._transport
        transport.pause_reading()
        yield
        transport.resume_reading()

    @property
    def _transport(self) -> asyncio.Transport:
        transport = self.socket._response.connection.transport  # type: ignore[union-attr]
        assert isinstance(transport, asyncio.Transport)
        return transport


@asynccontextmanager
async def page_at(address: str) -> AsyncIterator[ChatPage]:
    """A client of the bot's page at this address, which has said nothing yet."""
    async with aiohttp.ClientSession() as session:
        page = ChatPage(await session.ws_connect(f"{address}ws/chat"))
        try:
            yield page
        finally:
            await page.end()


@dataclass(eq=False)
class ChatHouse:
    """A server with the socket, and the parts behind it. ``histories`` has the history of each call."""

    url: str
    port: int
    calls: BrowserCalls
    manager: CallManager[Call[Any]]
    lease: Lease
    feature: HeldFeature
    consent: ListeningConsent
    histories: list[History]
    database: Database
    session: aiohttp.ClientSession
    pages: list[ChatPage] = field(default_factory=list)

    async def open(self) -> ChatPage:
        """Open a page: a socket that has said nothing yet."""
        page = ChatPage(await self.session.ws_connect(self.url, max_msg_size=0))
        self.pages.append(page)
        return page

    async def talking(self, **fields: Any) -> ChatPage:
        """Open a page and begin a call."""
        page = await self.open()
        await page.hello(**fields)
        return page

    @property
    def call(self) -> BrowserCall:
        (call,) = self.calls.calls
        return call

    async def until_idle(self) -> None:
        """Wait until no call is on, and check that nothing is held any more."""
        async with asyncio.timeout(LIMIT):
            while self.manager.occupants or self.calls.calls:
                await asyncio.sleep(0.005)
        assert self.lease.held == ()
        assert not self.feature.held


class Away:
    """The wait for a client that is gone: it lasts until :meth:`pass_by`. ``asked`` counts such waits."""

    def __init__(self) -> None:
        self._passed = asyncio.Event()
        self.asked = 0

    async def sleep(self, _: float) -> None:
        self.asked += 1
        await self._passed.wait()

    def pass_by(self) -> None:
        self._passed.set()


class SlowVoice(HummingSpeech):
    """A voice that is loaded when the test says so."""

    def __init__(self, go: asyncio.Event) -> None:
        super().__init__()
        self._go = go

    async def loaded(self, report: Callable[[float], None]) -> None:
        report(0.5)
        await self._go.wait()


@asynccontextmanager
async def chat_house(
    folder: Path,
    *,
    ears: Transcriber | None = None,
    mind: Responder | None = None,
    voice: Callable[[], SpeechClient] = HummingSpeech,
    away: Away | None = None,
    listening: ListeningPolicy = ListeningPolicy.OPT_OUT,
    settings: CallSettings | None = None,
    first_notice: str | None = None,
    max_calls: int = 1,
) -> AsyncIterator[ChatHouse]:
    """Serve the socket. Without ``away``, the server waits in real time for a client that is gone."""
    settings = settings or CallSettings(answer_to=AnswerPolicy.ALWAYS)
    policy, word_lists = await asyncio.to_thread(load_turn_policy), await asyncio.to_thread(load_word_lists)
    async with Database.opened(folder / "house.sqlite3") as database:
        characters = await Characters.open(database, PERSONAS_DIR, "seiyuu")
        consent = await ListeningConsent.load(Store(database), listening)
        lease, feature, histories = Lease(), HeldFeature(), list[History]()
        lease.register(feature)

        def make_call(transport: BrowserTransport, report: LoadingReport) -> BrowserCall:
            def make_responder(history: History, _: object) -> Responder:
                histories.append(history)
                return mind or RepeatingResponder()

            engines = CallEngines(
                LocalCharacter(characters, 0),
                make_responder,
                lambda _: voice(),
                lambda: transport.wishes.manner(SpeechParameters()),
                ears or ConstantTranscriber(),
                policy,
                word_lists,
                WITHOUT_COSTS,
            )
            parts = CallParts(
                transport,
                engines,
                consent,
                settings,
                ListeningTerms("!", 0, None),
                folder,
                volume=1.0,
                watch=lambda _: None,
            )
            return BrowserCall(parts, report)

        manager: CallManager[Call[Any]] = CallManager(
            lease, lambda call, cause: calls.ended(call, cause), max_calls=max_calls
        )
        calls = BrowserCalls(
            manager,
            make_call,
            lambda hello: BrowserTransport(
                BrowserPeople(hello.name), hello, sleep=asyncio.sleep if away is None else away.sleep
            ),
            consent,
            BrowserCharacters(LocalCharacter(characters, 0)),
            Volumes(Store(database), manager),
            await asyncio.to_thread(YesNoWords),
            "!",
            first_notice=lambda: first_notice,
            enabled=settings.enabled,
        )
        app = web.Application()
        app.add_routes(ChatSocket(calls).routes)
        app.add_routes(RealtimeSocket(calls, time.monotonic).routes)
        async with LocalServer(app, "/ws/chat") as server, aiohttp.ClientSession() as session:
            house = ChatHouse(
                server.url, server.port, calls, manager, lease, feature, consent, histories, database, session
            )
            try:
                yield house
            finally:
                for page in house.pages:
                    await page.end()
                await calls.close()
                await manager.close()


def ears(toy_ears: Path) -> WhisperTranscriber:
    """Ears that know the sandbox's sentences."""
    return WhisperTranscriber(WhisperOptions(str(toy_ears), "cpu", 1, "en"), Corrections())


def said(history: History) -> list[tuple[str, str]]:
    """Who has said what, from the beginning."""
    return [(turn.speaker, turn.text) for turn in history.newest(99)]
