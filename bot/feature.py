"""What a feature is: what a call holds back, with everything that it brings to the bot; and all that are set up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import aiohttp
import discord
from discord.ext import commands

from bot.background import Work
from bot.characters import Characters
from bot.check_result import CheckResult
from bot.conversations.keeping import Conversations
from bot.database import Database
from bot.lease import Lockable
from bot.llm.small_model import SmallPrompts
from bot.model_router import ModelRouter
from bot.speech_server.client import SpeechServerClient
from config.settings import Settings

_Kind = TypeVar("_Kind")

Observer = Callable[[discord.Message], Awaitable[None]]
"""Is told of every message that a person writes outside of a call, unless it is a command."""


@dataclass(frozen=True, slots=True)
class FeatureParts:
    """What features are built of.

    Attributes:
        small_prompts: the prompts of small models, by language.
        clock: what time it is, in the time zone of the people.
        hear: what is said in a message's recordings; "" where there are none. Raises ``SpokenMessageError``.
        tell: writes a text in the channel with this id; where that can't be done, the log says so.
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
    hear: Callable[[discord.Message], Awaitable[str]]
    tell: Callable[[int, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature that is set up.

    Attributes:
        lockable: what does the work, and is held while a call is on.
        cogs: its commands.
        run: what goes on as long as the bot is logged in.
        observe: listens to what people write.
        resume: goes on with what an earlier process has left; done once, when Discord has told us everything it knows.
        close: ends what the feature has begun.
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
        not_set_up: what is said in place of the commands of the others, by command.
    """

    features: tuple[Feature, ...]
    not_set_up: Mapping[str, str]

    @property
    def lockables(self) -> list[Lockable]:
        """What a call holds, first to last."""
        return [feature.lockable for feature in self.features]

    @property
    def cogs(self) -> list[commands.Cog]:
        """The commands of what is there."""
        return [cog for feature in self.features for cog in feature.cogs]

    @property
    def background(self) -> dict[str, Work]:
        """What goes on as long as the bot is logged in, by name."""
        return {feature.lockable.name: feature.run for feature in self.features if feature.run is not None}

    @property
    def observers(self) -> list[Observer]:
        """Who listens to what people write."""
        return [feature.observe for feature in self.features if feature.observe is not None]

    def find(self, kind: type[_Kind]) -> _Kind | None:
        """The feature that does its work in an object of this class, where it is set up."""
        return next((lockable for lockable in self.lockables if isinstance(lockable, kind)), None)

    def get(self, kind: type[_Kind]) -> _Kind:
        """The same of one that is always there; raises :class:`LookupError` where it is not."""
        found = self.find(kind)
        if found is None:
            raise LookupError(kind.__name__)
        return found

    async def resume(self) -> None:
        """Go on with what an earlier process has left; once, when Discord has told us everything it knows."""
        for feature in self.features:
            if feature.resume is not None:
                await feature.resume()

    async def close(self) -> None:
        """End what the features have begun."""
        for feature in self.features:
            if feature.close is not None:
                await feature.close()


@dataclass(frozen=True, slots=True)
class OptionalCommands:
    """Commands that are there only where the operator has set something.

    Attributes:
        names: what they are called.
        subject: the beginning of the sentence for somebody who types one: "Drawing is".
        missing: the setting that they lack; ``None`` where they are there.
    """

    names: tuple[str, ...]
    subject: str
    missing: Callable[[Settings], str | None]


@dataclass(frozen=True, slots=True)
class FeatureBuilder:
    """A feature that there may be. Each package in ``bot/features`` has one, in its module ``build``.

    Attributes:
        build: makes it; ``None`` where the operator has not set it up. Raises what ``read`` raises, or
            :class:`aiosqlite.Error` where its tables can't be used.
        check: what the doctor finds out about it, from the settings alone.
        read: reads what its settings name on the disk, before anything starts. Blocks. Raises
            :class:`~bot.operator_files.OperatorFileError` or :class:`~bot.llm.personas.PersonaError`, with the name of
            the setting at the beginning of the text.
        optional_commands: those that are not always there.
    """

    build: Callable[[FeatureParts], Awaitable[Feature | None]]
    check: Callable[[Settings], Awaitable[CheckResult]] | None = None
    read: Callable[[Settings], object] | None = None
    optional_commands: OptionalCommands | None = None
