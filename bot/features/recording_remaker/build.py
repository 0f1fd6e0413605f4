"""Builds the feature that speaks the answers in recordings again, if ``REMAKE_RECORDINGS`` is set."""

from __future__ import annotations

from bot.feature import Feature, FeatureBuilder, FeatureParts
from bot.features.recording_remaker.feature import RecordingRemaker


async def _build(parts: FeatureParts) -> Feature | None:
    if not parts.settings.call.remake_recordings:
        return None
    remaker = RecordingRemaker(parts.settings.data_dir, parts.speech_server.better, parts.tell)
    return Feature(remaker, run=remaker.run)


RECORDING_REMAKER = FeatureBuilder(_build)
