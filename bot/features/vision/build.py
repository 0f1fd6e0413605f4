"""Builds vision, where the operator has set it up."""

from __future__ import annotations

from bot.feature import Feature, FeatureBuilder, FeatureParts
from bot.features.vision.feature import Vision, VisionOptions
from bot.features.vision.model import VisionModelOptions
from bot.finding import Finding
from bot.llm.options import ModelOptions
from bot.llm.stream import ModelClient
from config.settings import Settings


async def _build(parts: FeatureParts) -> Feature | None:
    settings = parts.settings
    if settings.vision_llm_url is None:
        return None
    key = settings.vision_llm_api_key.get_secret_value() if settings.vision_llm_api_key else None
    model = VisionModelOptions(str(settings.vision_llm_url).rstrip("/"), settings.vision_llm_model, key)
    limit = round(settings.vision_max_mb * (1 << 20))
    return Feature(Vision(VisionOptions(model, limit, settings.vision_max_frames), parts.http))


async def check(settings: Settings) -> Finding:
    """The vision model's server answers."""
    if settings.vision_llm_url is None:
        return Finding("Vision", None, "VISION_LLM_URL is not set: pictures are not looked at")
    url = str(settings.vision_llm_url).rstrip("/")
    options = ModelOptions(url, model=settings.vision_llm_model, api_key=settings.vision_llm_api_key)
    async with ModelClient(options) as model:
        report = await model.check()
    if report.problem:
        problem = report.problem.replace("LLM_API_KEY", "VISION_LLM_API_KEY")
        return Finding("Vision", False, f"VISION_LLM_URL: {problem}")
    return Finding("Vision", True, f"{url} answers; models: {', '.join(report.models) or 'not listed'}")


VISION = FeatureBuilder(_build, check)
