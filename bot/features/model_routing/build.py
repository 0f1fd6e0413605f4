"""Builds the model routing feature. It uses the model router that the bot has already created."""

from __future__ import annotations

from bot.feature import Feature, FeatureBuilder, FeatureParts
from bot.features.model_routing.commands import ModelCommands


async def _build(parts: FeatureParts) -> Feature:
    return Feature(parts.models, (ModelCommands(parts.models),))


MODEL_ROUTING = FeatureBuilder(_build)
