"""The list of all features, and the building of those that are set up."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.feature import FeatureBuilder, FeatureParts, FeatureSet
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
from bot.features.voice_messages.build import VOICE_MESSAGES
from config.settings import Settings

FEATURES: tuple[FeatureBuilder, ...] = (
    MODEL_ROUTING,
    VISION,
    TEXT_CHAT,
    VOICE_MESSAGES,
    DUAL_PERSONA,
    PROFILE_PICTURE,
    IMAGE_GENERATION,
    AUTONOMOUS_TALK,
    SCHEDULED_EVENTS,
    FIGURINE_NOTIFIER,
    RECORDING_REMAKER,
)
"""All features. A call pauses them from first to last. After the call, they resume in reverse order."""


async def build_features(parts: FeatureParts) -> FeatureSet:
    """Build the features that are set up.

    Raises:
        PersonaError, OperatorFileError: a file of the operator can't be used. The text says which one and why.
        aiosqlite.Error: the database can't be used.
    """
    built = [await builder.build(parts) for builder in FEATURES]
    return FeatureSet(tuple(filter(None, built)), commands_not_set_up(parts.settings))


def commands_not_set_up(settings: Settings) -> Mapping[str, str]:
    """A text for each command whose feature is not set up, by the command's name. It names the missing setting."""
    optional = [builder.optional_commands for builder in FEATURES if builder.optional_commands is not None]
    return MappingProxyType(
        {
            name: f"❌ {each.subject} is not set up here ({missing})."
            for each in optional
            if (missing := each.missing(settings)) is not None
            for name in each.names
        }
    )
