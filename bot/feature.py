"""Features: parts of the bot whose work is paused during a call. Defines their interface and how they are built."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import aiohttp
import discord
from discord.ext import commands

from audio.samples import Samples
from bot.background import Work
from bot.characters import Characters
from bot.check_result import CheckResult
from bot.conversations.keeping import Conversations
from bot.database import Database
from bot.last_prompts import LastPrompts
from bot.lease import Lockable
from bot.llm.recollection import RecallSource
from bot.llm.small_model import SmallPrompts
from bot.llm.tools import Toolboxes
from bot.metering import UNMETERED, Meter
from bot.model_router import ModelRouter
from bot.speech_server.client import SpeechServerClient
from config.settings import Settings

_Kind = TypeVar("_Kind")

Observer = Callable[[discord.Message], Awaitable[None]]
"""Gets every message of a person outside of the call's prompt channel, except commands."""

Say = Callable[[str, int], AsyncGenerator[Samples, None]]
"""Speaks a text in the voice, persona and mood of a server or private channel, by its id. Yields mono sound at 48,000
Hz. Raises :class:`~bot.speech_server.errors.SpeechUnavailable`."""


@dataclass(frozen=True, slots=True)
class FeatureParts:
    """The parts of the bot from which features are built.

    Attributes:
        small_prompts: the prompts of small models, by language.
        clock: returns the current time in the people's time zone (``TIMEZONE``).
        say: speaks a text in a place's voice.
        hear: returns the transcript of the recordings in a message; "" if it has none. Raises ``SpokenMessageError``.
        tell: posts a text in the channel with this id. An error is only logged.
        last_prompts: keeps the contents of the newest prompt to the model, for each place.
        forget_reminders: deletes the reminders that were set in the channel with this id, and returns how many.
        forget_notes: deletes the notes of calls whose prompts came from the channel with this id, and returns how many.
        tools: the tools that the model may call in writing; ``None`` for none.
        recalls: finds what the model is told besides a channel's history; ``None`` for nothing.
        meter: counts how much the engines are used.
    """

    settings: Settings
    client: discord.Client
    database: Database
    http: aiohttp.ClientSession
    models: ModelRouter
    speech_server: SpeechServerClient
    characters: Characters
    small_prompts: SmallPrompts
    conversations: Conversations
    clock: Callable[[], datetime]
    say: Say
    hear: Callable[[discord.Message], Awaitable[str]]
    tell: Callable[[int, str], Awaitable[None]]
    last_prompts: LastPrompts
    forget_reminders: Callable[[int], Awaitable[int]]
    forget_notes: Callable[[int], Awaitable[int]]
    tools: Toolboxes | None = None
    recalls: RecallSource | None = None
    meter: Meter = UNMETERED


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature that is set up.

    Attributes:
        lockable: the object that does the work, and is paused during a call.
        cogs: the feature's commands.
        run: a background task that runs while the bot is logged in.
        observe: gets the messages of people.
        resume: continues the work of an earlier process. Called once, when discord.py's cache is complete.
        close: ends the feature's tasks.
    """

    lockable: Lockable
    cogs: Sequence[commands.Cog] = ()
    run: Work | None = None
    observe: Observer | None = None
    resume: Work | None = None
    close: Work | None = None


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """The features that the operator has set up, in order.

    Attributes:
        not_set_up: the texts for the commands of all other features, by the command's name.
    """

    features: tuple[Feature, ...]
    not_set_up: Mapping[str, str]

    @property
    def lockables(self) -> list[Lockable]:
        """The objects that a call pauses, in the order in which they are paused."""
        return [feature.lockable for feature in self.features]

    @property
    def cogs(self) -> list[commands.Cog]:
        """The commands of all features."""
        return [cog for feature in self.features for cog in feature.cogs]

    @property
    def background(self) -> dict[str, Work]:
        """The background tasks of all features, by the feature's name."""
        return {feature.lockable.name: feature.run for feature in self.features if feature.run is not None}

    @property
    def observers(self) -> list[Observer]:
        """The observers of all features."""
        return [feature.observe for feature in self.features if feature.observe is not None]

    def find(self, kind: type[_Kind]) -> _Kind | None:
        """The feature's object of class ``kind``; ``None`` if that feature is not set up."""
        return next((lockable for lockable in self.lockables if isinstance(lockable, kind)), None)

    def get(self, kind: type[_Kind]) -> _Kind:
        """The feature's object of class ``kind``; raises :class:`LookupError` if that feature is not set up."""
        found = self.find(kind)
        if found is None:
            raise LookupError(kind.__name__)
        return found

    async def resume(self) -> None:
        """Continue the work of an earlier process. Call it once, when discord.py's cache is complete."""
        for feature in self.features:
            if feature.resume is not None:
                await feature.resume()

    async def close(self) -> None:
        """End the tasks of all features."""
        for feature in self.features:
            if feature.close is not None:
                await feature.close()


@dataclass(frozen=True, slots=True)
class OptionalCommands:
    """Commands that need a setting of the operator.

    Attributes:
        names: the names of the commands.
        subject: what needs the setting, for the error text if it is missing: "Drawing" gives "Drawing is not set up".
        missing: returns the name of the missing setting; ``None`` if nothing is missing.
    """

    names: tuple[str, ...]
    subject: str
    missing: Callable[[Settings], str | None]


@dataclass(frozen=True, slots=True)
class FeatureBuilder:
    """Builds a feature. Each package in ``bot/features`` has one, in its module ``build``.

    Attributes:
        build: builds the feature, or returns ``None`` if it is not set up. Raises the errors of ``read``, and
            :class:`aiosqlite.Error` if its tables can't be used.
        check: the doctor's check of the feature. It needs only the settings.
        read: reads the files that the feature's settings name, to check them before a start. Blocks on the disk. Raises
            :class:`~bot.operator_files.OperatorFileError` or :class:`~bot.llm.personas.PersonaError`, whose text begins
            with the name of the setting.
        optional_commands: the feature's commands, if they need a setting.
    """

    build: Callable[[FeatureParts], Awaitable[Feature | None]]
    check: Callable[[Settings], Awaitable[CheckResult]] | None = None
    read: Callable[[Settings], object] | None = None
    optional_commands: OptionalCommands | None = None
