"""Builds the feature by which people choose the graphics card that runs the language model."""

from __future__ import annotations

from bot.feature import Feature, FeatureBuilder, FeatureParts
from bot.features.model_routing.commands import ModelCommands


async def _build(parts: FeatureParts) -> Feature:
    return Feature(parts.models, (ModelCommands(parts.models),))


MODEL_ROUTING = FeatureBuilder(_build)
