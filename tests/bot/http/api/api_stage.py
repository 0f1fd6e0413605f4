"""The bot's HTTP server with the API for programs: scripted ears and mind, and a real speech server that can clone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import aiohttp

from bot.api.chats import Chats
from bot.conversations.archive import ConversationArchive
from bot.conversations.recordings import CallRecordings
from bot.database import Database
from bot.http.api.admission import make_gate
from bot.http.api.routes import ApiParts, api_routes
from bot.http.page import Page
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.history import History, Turn
from bot.operator_files import CORRECTIONS_FILE
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import SpeechServerClient
from bot.spoken_messages.file_transcriber import FileTranscriber
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.learning import LearnedCorrections
from bot.voices.introductions import load_introductions
from bot.voices.places import VoicePlace
from bot.voices.voices import Voices
from bot.work_gate import WorkGate
from tests.bot.conversations.archives import Archive
from tests.bot.http.api.scripted_setup import ScriptedSetup
from tests.bot.http.web_stage import PAGE, WebStage, web_stage
from tests.bot.monitoring.figures import Figures
from tests.features.recordings import recording
from tests.meters import NotingMeter
from tests.timing import Clock
from tests.tts_server.api.voices_client import VoicesClient, voices_client
from tests.voice.doubles import FixedCharacter
from tests.voice.transcribe.scripted_transcriber import ScriptedTranscriber
from tts_server.engines.base import SpeechEngine
from tts_server.engines.stand_in import StandInEngine
from wire.presets import Presets

DATABASE = "api.sqlite3"
WORDS = "What time is it?"
PLACES = (VoicePlace("browser", 0, "In the browser"), VoicePlace("1", 1, "Ada's server"))


@dataclass(slots=True)
class ScriptedMind:
    """A language model that answers with these pieces. A piece of ``None`` waits for :attr:`going_on`.

    Attributes:
        error: raised after the pieces.
        asked: the turns that were answered, with the history before each.
        spoken: for each of them, whether it was to be spoken.
        streams: the number of answers that are being made.
    """

    pieces: Sequence[str | None] = ("It is ", "five o'clock.")
    error: str | None = None
    asked: list[tuple[Turn, tuple[Turn, ...]]] = field(default_factory=list)
    spoken: list[bool] = field(default_factory=list)
    streams: int = 0
    going_on: asyncio.Event = field(default_factory=asyncio.Event)

    def responder(self, history: History, name: str, *, spoken: bool) -> ScriptedResponder:
        self.spoken.append(spoken)
        return ScriptedResponder(self, history)


class ScriptedResponder:
    """The responder of one answer."""

    def __init__(self, mind: ScriptedMind, history: History) -> None:
        self._mind = mind
        self._history = history

    async def warm_up(self) -> None: ...

    async def read_ahead(self, speaker: str, words: str = "", person: int | None = None) -> None: ...

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        mind = self._mind
        mind.asked.append((asked, self._history.newest(100)))
        mind.streams += 1
        try:
            for piece in mind.pieces:
                if piece is None:
                    await mind.going_on.wait()
                else:
                    yield piece
            if mind.error is not None:
                raise ModelError(ModelErrorKind.BROKEN, mind.error)
        finally:
            mind.streams -= 1


@dataclass(slots=True)
class KeptChat:
    """What was stored of one conversation. ``admits`` says whether its person lets words be stored."""

    turns: list[Turn] = field(default_factory=list)
    ended: bool = False
    admits: bool = True

    def keeps(self, person: int) -> bool:
        return self.admits

    def said(self, turn: Turn, present: Mapping[int, str] | None = None) -> None:
        self.turns.append(turn)

    def end(self) -> None:
        self.ended = True


@dataclass(slots=True)
class ApiStage:
    """The running server, and the parts behind it."""

    web: WebStage
    voices: VoicesClient
    ears: ScriptedTranscriber
    mind: ScriptedMind
    gate: WorkGate
    chats: Chats
    kept: list[KeptChat]
    clock: Clock
    archive: Archive
    database_file: Path
    figures: Figures
    setup: ScriptedSetup
    meter: NotingMeter

    async def post_file(self, path: str, file: bytes | None = None, part: str = "audio", **fields: str) -> Any:
        """Send a form with a recording. Without ``file``, it is a second of sound."""
        return await self.web.ask(path, "POST", data=form(file, part, **fields))


def form(file: bytes | None = None, part: str = "audio", **fields: str) -> aiohttp.FormData:
    """A form with a recording and these fields."""
    data = aiohttp.FormData()
    data.add_field(part, recording(1.0) if file is None else file, filename="a.ogg", content_type="audio/ogg")
    for key, value in fields.items():
        data.add_field(key, value)
    return data


@asynccontextmanager
async def api_stage(
    folder: Path,
    token: str | None = None,
    allowed: Sequence[str] = (),
    *,
    voice: bool = True,
    engine: Callable[..., SpeechEngine] = StandInEngine,
    page: Page = PAGE,
    presets: Presets | None = None,
    on_loopback: bool = True,
    paid: bool = True,
) -> AsyncIterator[ApiStage]:
    """Run the server while the block runs. Without ``voice``, no speech server answers.

    ``paid`` says whether a speech server at this address counts as one that costs money.
    """
    async with AsyncExitStack() as stack:
        speech = await stack.enter_async_context(voices_client(folder, engine, presets=presets))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        database = await stack.enter_async_context(Database.opened(folder / DATABASE))
        address = speech.server.url("/ws/stream", "ws") if voice else "ws://127.0.0.1:9/ws/stream"
        meter = NotingMeter()
        client = SpeechServerClient(http, ServerAddress(address, paid=paid), meter=meter)
        archive = Archive(database)
        chosen = await Voices.load(client, database, "!")
        figures = Figures()
        ears, mind = ScriptedTranscriber([WORDS], "en"), ScriptedMind()
        kept, gate, clock = list[KeptChat](), make_gate(), Clock()
        setup = ScriptedSetup()

        def keep() -> KeptChat:
            kept.append(KeptChat())
            return kept[-1]

        chats = Chats(mind.responder, keep, FixedCharacter().now, AsyncMock(), clock=clock)
        parts = ApiParts(
            gate,
            FileTranscriber(ears, lambda: gate.held, ("Seiyuu",)),
            chats,
            client,
            chosen,
            load_introductions(),
            lambda: PLACES,
            ConversationArchive(database, archive.conversations, CallRecordings(folder)),
            LearnedCorrections(folder / CORRECTIONS_FILE, Corrections()),
            chosen.manner,
            0,
            figures.monitor,
            setup.parts(clock, on_loopback=on_loopback),
        )
        web = await stack.enter_async_context(web_stage(token, allowed, page=page, routes=lambda: api_routes(parts)))
        yield ApiStage(
            web, speech, ears, mind, gate, chats, kept, clock, archive, folder / DATABASE, figures, setup, meter
        )
