"""The core of the bot: all parts that calls over any transport need. The core does not depend on Discord.

:mod:`bot.app` adds the Discord client with its commands and features. :mod:`bot.talk` adds only the page.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from bot.background import BackgroundWork
from bot.call_ends import CallEnds
from bot.call_factory import CallFactory
from bot.characters import Characters
from bot.consent import ListeningConsent
from bot.controls.tools import Controls
from bot.controls.volumes import Volumes
from bot.database import Database
from bot.engine_checks import EngineChecks
from bot.engine_warnings import EngineWarnings
from bot.engines import Engines
from bot.heartbeat import FILE as HEARTBEAT_FILE
from bot.heartbeat import beat
from bot.ignored import IgnoredPeople
from bot.lease import Lease
from bot.llm.small_model import SmallPrompts
from bot.long_term import LongTerm
from bot.monitoring.monitor import Monitor
from bot.music.control import MusicControl
from bot.music.service import MusicService
from bot.music.sound_board import SoundBoard
from bot.personal_data.personal_data import PersonalStores
from bot.reminders.reminders import Reminders
from bot.spoken_messages.file_transcriber import FileTranscriber
from bot.store import Store
from bot.tools.registry import ToolRegistry
from bot.typed_memory import TypedMemory
from bot.usage.usage import Usage
from bot.voice.call import Call
from bot.voice.events import EnginesReady, EventFeed, Ready, WebReady
from bot.voice.manager import CallManager
from bot.voice.transcribe.learning import LearnedCorrections
from bot.voice.turn import Prompt
from bot.voices.voices import Voices
from config.settings import Settings

_log = logging.getLogger(__name__)

SENTENCE_LIMIT = 4.0
"""Seconds that a sentence may go on after the bot was told to end."""


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that every transport's calls need. Made by :func:`~bot.core_parts.build_core`.

    Attributes:
        listening: the sockets of the HTTP server. Its port is taken before anything large is loaded.
        clock: returns the current time in the people's time zone (``TIMEZONE``).
        watch: gets the events of all calls.
        engines: the mind, the ears and the voice of all calls.
        long_term: what outlives a call: what people said, and what is remembered of it.
        typed_memory: carries out requests about the memory that are written outside of calls.
        calls: builds calls.
        manager: starts and ends all calls.
        call_ends: passes the end of each call on to its listeners.
        tools: the tools of the bot and of MCP servers, in every place where people talk with the bot.
        controls: what the bot can change about itself when it is asked.
        volumes: how loud the bot speaks in each place.
        music: the music of calls.
        music_control: plays music, and controls it, when people ask for that.
        sounds: the sound board.
        usage: counts how much the engines are used: tokens, and seconds of sound.
        personal_data: everything that is stored about a person.
        monitor: the figures of all calls, engines and graphics cards.
        background: the background tasks of all parts.
        warnings: name the engines that are only small models or toys, and the settings for better ones.
    """

    settings: Settings
    listening: Sequence[socket.socket]
    database: Database
    store: Store
    clock: Callable[[], datetime]
    watch: EventFeed
    engines: Engines
    learned_corrections: LearnedCorrections
    file_transcriber: FileTranscriber
    voices: Voices
    characters: Characters
    small_prompts: SmallPrompts
    ignored: IgnoredPeople
    consent: ListeningConsent
    long_term: LongTerm
    typed_memory: TypedMemory
    reminders: Reminders
    usage: Usage
    personal_data: PersonalStores
    tools: ToolRegistry
    controls: Controls
    volumes: Volumes
    music: MusicService
    music_control: MusicControl
    sounds: SoundBoard
    calls: CallFactory
    lease: Lease
    manager: CallManager[Call[Any]]
    call_ends: CallEnds
    checks: EngineChecks
    monitor: Monitor
    background: BackgroundWork
    warnings: EngineWarnings

    def in_call(self) -> bool:
        """Whether a call is running, beginning or ending."""
        return bool(self.manager.occupants)

    def begin(self) -> None:
        """Start the background tasks of the core. Call this once all parts are built."""
        beating = partial(beat, self.settings.data_dir / HEARTBEAT_FILE, state=self.checks.state)
        self.background.begin({"heartbeat": beating, "health": self.checks.run, "usage": self.usage.run})
        self.background.begin({"the models' context": self.engines.models.learn_context_sizes})
        self.background.begin({"the graphics cards": partial(self.monitor.cards.run, lambda _: None)})
        if self.tools.servers:
            self.background.begin({"MCP servers": self._run_tool_servers})
        self.background.begin({"corrections": self.learned_corrections.follow})
        self.long_term.begin(self.background, self.in_call)

    def be_ready(self, page: str, when_warm: Callable[[], None] | None) -> None:
        """Report that calls are possible from now on.

        Args:
            page: the address of the page.
            when_warm: called once all engines are loaded. If it is ``None``, the first call loads them.
        """
        # Reminders can be told from now on: in calls, and where there is Discord, by pings.
        self.background.begin(
            {
                "reminders": self.reminders.run,
                "notes of past calls": self.long_term.notes.finisher.run,
                "erasures that were broken off": self.personal_data.go_on,
            }
        )
        self.watch(Ready(at=time.monotonic()))
        self.watch(WebReady(page, at=time.monotonic()))
        if when_warm is not None:
            self.background.begin({"warm-up": partial(self._warm_up, when_warm)})

    async def _run_tool_servers(self) -> None:
        """Keep the MCP servers running, if tools are offered to at least one model."""
        await self.engines.models.learn_model_sizes()
        if self.engines.models.take_tools({each.model for each in self.characters.personas.values()}):
            await self.tools.run()
        else:
            file = self.settings.tools_file
            _log.warning("The MCP servers of TOOLS_FILE=%s are not started: the model is too small for tools", file)

    async def _warm_up(self, when_warm: Callable[[], None]) -> None:
        await self.engines.warm_up(lambda: self.characters.default, self.in_call, self.clock, self.small_prompts)
        self.watch(EnginesReady(at=time.monotonic()))
        when_warm()

    async def end_sentences(self, keeps: Callable[[Call[Any], Prompt], bool] = lambda call, prompt: False) -> None:
        """Let the sentence that is being spoken in each call end, within :data:`SENTENCE_LIMIT`.

        Args:
            keeps: gets a call and one of its prompts; returns whether the prompt is kept until the bot is back.
        """
        calls = self.manager.calls
        await asyncio.gather(*(call.end_sentence(SENTENCE_LIMIT, partial(keeps, call)) for call in calls))

    async def end_calls(self) -> None:
        """End all calls, and begin nothing new.

        The background tasks end first. Otherwise those that are paused during calls would resume and begin something
        new.
        """
        await self.background.end()
        await self.manager.close()
