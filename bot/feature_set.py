"""The features, in the order in which a call holds them, and what all of them together bring to the bot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from discord.ext import commands

from bot.background import Work
from bot.feature import Feature, FeatureBuilder, FeatureParts, Observer
from bot.features.autonomous_talk.build import AUTONOMOUS_TALK
from bot.features.dual_persona.build import DUAL_PERSONA
from bot.features.figurine_notifier.build import FIGURINE_NOTIFIER
from bot.features.image_generation.build import IMAGE_GENERATION
from bot.features.model_routing.build import MODEL_ROUTING
from bot.features.profile_picture.build import PROFILE_PICTURE
from bot.features.recording_remaker.build import RECORDING_REMAKER
from bot.features.scheduled_events.build import SCHEDULED_EVENTS
from bot.features.text_chat.build import TEXT_CHAT
from bot.features.vision.build import VISION
from bot.lease import Lockable
from config.settings import Settings

FEATURES: tuple[FeatureBuilder, ...] = (
    MODEL_ROUTING,
    VISION,
    TEXT_CHAT,
    DUAL_PERSONA,
    PROFILE_PICTURE,
    IMAGE_GENERATION,
    AUTONOMOUS_TALK,
    SCHEDULED_EVENTS,
    FIGURINE_NOTIFIER,
    RECORDING_REMAKER,
)
"""All there may be. A call holds them from first to last, and releases them the other way."""

_Kind = TypeVar("_Kind")


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


async def build_features(parts: FeatureParts) -> FeatureSet:
    """Build what the settings ask for.

    Raises:
        PersonaError, OperatorFileError: a file of the operator's can't be used; the text says which and why.
        aiosqlite.Error: a table can't be made.
    """
    built = [await builder.build(parts) for builder in FEATURES]
    return FeatureSet(tuple(filter(None, built)), commands_not_set_up(parts.settings))


def commands_not_set_up(settings: Settings) -> Mapping[str, str]:
    """By the name of a command that is not there: which setting it needs, in a sentence for people."""
    optional = [builder.optional_commands for builder in FEATURES if builder.optional_commands is not None]
    return MappingProxyType(
        {
            name: f"❌ {each.subject} not set up here ({missing})."
            for each in optional
            if (missing := each.missing(settings)) is not None
            for name in each.names
        }
    )
