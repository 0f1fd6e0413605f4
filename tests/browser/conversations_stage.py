"""The page with stored conversations: the bot's own web server, its API of conversations, and a database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from audio.samples import HEARING_RATE, SPEAKING_RATE
from audio.wav import WavFile
from bot.conversations.archive import ConversationArchive
from bot.conversations.recordings import CallRecordings
from bot.database import Database
from bot.http.api.conversations import ConversationsApi
from bot.http.page import Page
from bot.operator_files import CORRECTIONS_FILE
from bot.voice.events import CallEnded, PromptTaken, UtteranceHeard
from bot.voice.records.recorder import recording_folder
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.learning import LearnedCorrections
from tests.bot.conversations.archives import ADA, BEN, GENERAL, Archive, answer
from tests.bot.http.web_stage import WebStage, web_stage
from tests.tones import tone

STARTED = 1_769_860_800.0
"""The time of the first conversation: 31 January 2026, 12:00 UTC."""
DATABASE = "page.sqlite3"


@dataclass(slots=True)
class ConversationsStage:
    """The running server, and the parts behind it.

    Attributes:
        corrections: the corrections that the ears would use.
    """

    web: WebStage
    archive: Archive
    corrections: Corrections
    folder: Path

    @property
    def url(self) -> str:
        return self.web.url("/#conversations")

    async def fill(self) -> None:
        """Store a text chat of Ben's, and a call with Ada and Ben, in which an answer was interrupted."""
        self.archive.write(BEN, "Ben", "Which colours does the lounge have?", "Green, and a little grey.", GENERAL)
        self.archive.now += 86_400
        watch, _ = self.archive.call()
        watch(UtteranceHeard(ADA, "Ada", "Hello sea you, where do zebrafish live?", True))
        self.archive.now += 3
        watch(answer("In slow streams of South Asia, where the water is warm, and the", interrupted=True))
        self.archive.now += 2
        watch(UtteranceHeard(BEN, "Ben", "Wait, did you say Asia? I thought that they came from Africa.", True))
        self.archive.now += 4
        watch(answer("Asia. Most of them come from India, Nepal and Bangladesh."))
        self.archive.now += 2
        watch(PromptTaken("r3", "Ben", "And zebras?", person=BEN))
        self.archive.now += 58
        watch(CallEnded("Lounge", "command"))
        await self.archive.turns()

    async def fill_long(self, turns: int) -> None:
        """Store a call with this number of turns. Each has its number in its words."""
        await self.archive.database.write(
            "INSERT INTO conversations (transport, server, place, started, ended, people) "
            "VALUES ('discord', '1', 'Long call', ?, ?, '[\"Ada\"]')",
            STARTED,
            STARTED + turns,
        )
        rows = [
            (n, str(ADA) if n % 2 else None, "Ada" if n % 2 else "Mia", f"These are the words {n}.", STARTED + n)
            for n in range(1, turns + 1)
        ]
        await self.archive.database.write_many(
            "INSERT INTO turns (conversation, number, person, who, text, at, interrupted) "
            "SELECT max(id), ?, ?, ?, ?, ?, 0 FROM conversations",
            rows,
        )

    def record(self, at: float) -> None:
        """Write recordings of Ada and of the bot. They began at this time, and last a second. Blocks on the disk."""

        folder = recording_folder(self.folder, "Lounge", "c1", datetime.fromtimestamp(at, UTC))
        folder.mkdir(parents=True)
        for name, rate in ((f"Ada-{ADA}.wav", HEARING_RATE), ("bot.wav", SPEAKING_RATE)):
            file = WavFile(folder / name, rate)
            file.write(tone(1.0, rate=rate, level=0.1))
            file.close()


@asynccontextmanager
async def conversations_stage(folder: Path, token: str | None = None) -> AsyncIterator[ConversationsStage]:
    """Run the server while the block runs. Corrections that it learns go into a file in the folder."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.opened(folder / DATABASE))
        archive, corrections = Archive(database, now=STARTED), Corrections()
        api = ConversationsApi(
            ConversationArchive(database, archive.conversations, CallRecordings(folder)),
            LearnedCorrections(folder / CORRECTIONS_FILE, corrections),
        )
        path = "/api/conversations"
        routes = [
            web.get(path, api.list),
            web.get(path + "/{id}", api.open),
            web.get(path + "/{id}/recordings", api.recordings),
            web.get(path + "/{id}/recordings/{recording}", api.play),
            web.patch(path + "/{id}/turns/{n}", api.correct),
            web.delete(path + "/{id}", api.delete),
        ]
        server = await stack.enter_async_context(web_stage(token, page=Page.load(), routes=lambda: routes))
        yield ConversationsStage(server, archive, corrections, folder)
