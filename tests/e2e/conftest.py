"""Fixtures: the real bot on the sandbox, with a real speech server, llama.cpp with toy weights, and DAVE."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from bot.app import Application, build_application
from bot.voice.events import CallEvent, ReplyEnded, UtteranceHeard, WordsSpoken
from bot.voice.metrics import ReplyTrace
from bot.voice.transcribe.worker_process import WORKER, Worker
from config.project import ROOT, child_environment
from config.settings import Settings, load_settings
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.world.entities import Message
from tests.authorities import trust_no_authorities
from tests.e2e.recorded_voice import RecordedVoice
from tests.e2e.scripted_ears import ScriptedEars
from tests.forked import EARS, PIPE, SPEECH_SERVER, Running, forks

LIMIT = 60.0
"""Seconds that a test waits at most, so that a broken test ends."""


@dataclass(slots=True)
class Stage:
    """A running bot, its sandbox, and Ada, who is in the lounge.

    Attributes:
        read: ids and texts of the messages that :meth:`told` has returned.
    """

    sandbox: Sandbox
    app: Application
    ada: Guest
    events: list[CallEvent] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    read: set[tuple[int, str]] = field(default_factory=set)

    @property
    def bot(self) -> int:
        """The bot's user id."""
        return self.sandbox.bot_id

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait until a condition is true. It is checked at every event and at short intervals."""
        try:
            async with asyncio.timeout(LIMIT):
                while not condition():
                    self.changed.clear()
                    try:
                        await asyncio.wait_for(self.changed.wait(), 0.05)
                    except TimeoutError:
                        continue
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}; events: {self.events[-5:]}") from None

    async def ask(self, text: str) -> Message:
        """Ada types in the general channel."""
        return await self.ada.say(self.sandbox.home.general, text)

    async def answered(self, text: str) -> None:
        """Ada types in a call. Returns after the answer was spoken."""
        count = len(self.traces)
        await self.ask(text)
        await self.turns(count + 1)

    async def answer_to(self, text: str, *, starts: str = "") -> str:
        """Ada types. Returns the bot's next message there with this beginning."""
        await self.ask(text)
        return await self.told(starts)

    async def told(self, starts: str) -> str:
        """The bot's next message after Ada's last one. A message is returned twice only if it was edited in between."""
        message = await self.ada.wait_for_message(
            self.sandbox.home.general,
            lambda m: m.author.bot and m.content.startswith(starts) and (m.id, m.content) not in self.read,
            LIMIT,
        )
        self.read.add((message.id, message.content))
        return message.content

    async def join(self) -> None:
        """Bring the bot into Ada's channel, and wait until the call is end-to-end encrypted."""
        await self.answer_to("!join", starts="🎤 Joined")
        await self.until(lambda: self.ada.voice.encrypted, "Ada's encryption")

    @property
    def traces(self) -> list[ReplyTrace]:
        """The traces of all turns so far."""
        return [event.trace for event in self.events if isinstance(event, ReplyEnded)]

    @property
    def spoken(self) -> str:
        """What the bot has said so far. It may begin with a remark, if a tool took its time."""
        return "".join(event.text for event in self.events if isinstance(event, WordsSpoken)).strip()

    def heard_from(self, person: int) -> list[str]:
        """The transcripts of a person's utterances."""
        return [event.text for event in self.events if isinstance(event, UtteranceHeard) and event.person == person]

    async def turns(self, count: int) -> list[ReplyTrace]:
        """Wait until this many turns have ended."""
        await self.until(lambda: len(self.traces) >= count, f"{count} turns")
        return self.traces


StageMaker = Callable[..., AbstractAsyncContextManager[Stage]]


@contextmanager
def serving_speech(**environment: str) -> Iterator[str]:
    """Start a real speech server with these settings. Yields the address of its WebSocket.

    It runs in a folder of its own, so that a user's .env and voices in the project's folder play no part.
    """
    command = (sys.executable, "-m", "tts_server", "--bind", "127.0.0.1:0", "--exit-with-parent")
    settings = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, cwd=folder, env=settings, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["listening"]
        process.terminate()


@asynccontextmanager
async def serving_tones(folder: Path, **environment: str) -> AsyncIterator[str]:
    """Fork a real speech server with an engine that makes tones quickly instead of speech, and without fallbacks."""
    async with tone_server(folder, **environment) as (address, _):
        yield address


@asynccontextmanager
async def tone_server(folder: Path, **environment: str) -> AsyncIterator[tuple[str, Running]]:
    """Like :func:`serving_tones`, but also yields the server's process, which a test may kill or stop."""
    chosen = {"TTS_ENGINE": "stand-in", "TTS_FALLBACK": "", "TTS_VOICES_DIR": str(folder / "voices")}
    quick = {"TTS_STAND_IN_FIRST_AUDIO_MS": "0", "TTS_STAND_IN_RTF": "0.05"}
    process = await forks(*SPEECH_SERVER).start(
        *("tts_server", "--bind", "127.0.0.1:0"),
        folder=folder,
        environment={**os.environ, **chosen, **quick, **environment},
        stderr=2,
    )
    try:
        assert process.stdout is not None
        yield json.loads(await process.stdout.readline())["listening"], process
    finally:
        process.terminate()
        # A process that a test has stopped (SIGSTOP) ends only when it goes on.
        process.send_signal(signal.SIGCONT)
        await process.wait()


@pytest.fixture(scope="session")
def speech_server() -> Iterator[str]:
    """The address of a real speech server for all tests that do not damage it."""
    with serving_speech() as address:
        yield address


def make_settings(sandbox: Sandbox, data_dir: Path, **changes: Any) -> Settings:
    """Settings of a bot for a sandbox. They do not depend on this machine's own settings."""
    settings: dict[str, Any] = {
        "_env_file": None,
        "discord_token": sandbox.bot_token,
        "discord_api_url": sandbox.api_url,
        "discord_ca_file": sandbox.ca_file,
        "data_dir": data_dir,
        "tts_bind": "127.0.0.1:0",
        "web_bind": "127.0.0.1:0",
    }
    return load_settings(**{**settings, **changes})


@pytest.fixture
async def humming_server(tmp_path: Path) -> AsyncIterator[str]:
    """A real speech server whose engine hums. It can imitate a voice's pitch, and there are no fallbacks."""
    async with serving_tones(tmp_path) as address:
        yield address


@pytest.fixture
async def voice(humming_server: str) -> AsyncIterator[RecordedVoice]:
    """Stands between the bot and a speech server, and records what the bot asks of it."""
    async with RecordedVoice(humming_server) as voice:
        yield voice


@pytest.fixture
async def ears() -> AsyncIterator[ScriptedEars]:
    async with ScriptedEars() as ears:
        yield ears


@pytest.fixture(autouse=True)
def forked_recognisers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let bots in the tests' own process fork their recogniser: its imports take longer than most of its work."""
    start = Worker.start

    async def fork(kind: type[Worker], threads: int, program: Sequence[str] = WORKER) -> Worker:
        if program != WORKER:
            return await start(threads, program)
        environment = child_environment({"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"})
        process = await forks(*EARS).start(
            EARS[0], folder=Path.cwd(), environment=environment, stdin=PIPE, stderr=2, new_session=True
        )
        return kind(cast(asyncio.subprocess.Process, process))

    monkeypatch.setattr(Worker, "start", classmethod(fork))


@pytest.fixture(autouse=True)
def no_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the bots of these tests trust only their sandbox."""
    trust_no_authorities(monkeypatch)


@pytest.fixture
def make_stage(tmp_path: Path, cache_dir: Path) -> StageMaker:
    """Builds a stage. Keyword arguments are settings, by field name."""

    @asynccontextmanager
    async def make(*, dave: bool = True, **changes: Any) -> AsyncIterator[Stage]:
        async with Sandbox(dave=dave) as sandbox:
            settings = make_settings(sandbox, tmp_path, cache_dir=cache_dir, **changes)
            async with staged(sandbox, settings) as stage:
                yield stage

    return make


@asynccontextmanager
async def staged(sandbox: Sandbox, settings: Settings) -> AsyncIterator[Stage]:
    """Run the bot in this process while the block runs, with Ada in the lounge."""
    ada = await sandbox.add_guest("Ada")
    await ada.join_voice(sandbox.home.lounge)
    events: list[CallEvent] = []
    changed = asyncio.Event()

    def watch(event: CallEvent) -> None:
        events.append(event)
        changed.set()

    async with build_application(settings, [watch], lambda *_: None) as app:
        running = asyncio.create_task(app.run(), name="bot")
        try:
            async with asyncio.timeout(LIMIT):
                await sandbox.bot_online()
                await sandbox.command_registered("join", LIMIT)
            yield Stage(sandbox, app, ada, events, changed)
        finally:
            await app.bot.close()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def stage(make_stage: StageMaker, speech_server: str) -> AsyncIterator[Stage]:
    async with make_stage(tts_websocket_url=speech_server) as stage:
        yield stage
