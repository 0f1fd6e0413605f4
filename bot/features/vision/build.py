"""Builds the feature that describes pictures and videos, if ``VISION_LLM_URL`` is set."""

from __future__ import annotations

from yarl import URL

from bot.check_result import CheckResult
from bot.feature import Feature, FeatureBuilder, FeatureParts
from bot.features.vision.feature import Vision
from bot.features.vision.vision_model import VisionModel
from bot.llm.client import ModelClient
from bot.llm.requests import ModelOptions
from config.settings import Settings

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal"})


async def _build(parts: FeatureParts) -> Feature | None:
    settings = parts.settings.vision
    if settings.llm_url is None:
        return None
    model = VisionModel(settings.llm_url, settings, parts.http, parts.meter)
    return Feature(Vision(model, settings, parts.http, beside_calls=_is_beside_calls(parts.settings)))


def _is_beside_calls(settings: Settings) -> bool:
    """Whether the model takes no memory from a call: it is the call's model too, or runs on another machine."""
    url = settings.vision.llm_url
    return url is not None and (url == settings.llm.call_url or URL(url).host not in _THIS_MACHINE)


async def check(settings: Settings) -> CheckResult:
    """The doctor's check: the vision model's server answers."""
    url = settings.vision.llm_url
    if url is None:
        return CheckResult("Vision", None, "VISION_LLM_URL is not set: pictures are not looked at")
    options = ModelOptions(url, model=settings.vision.llm_model, api_key=settings.vision.llm_api_key)
    async with ModelClient(options) as model:
        report = await model.check()
    if report.problem:
        problem = report.problem.replace("LLM_API_KEY", "VISION_LLM_API_KEY")
        return CheckResult("Vision", False, f"VISION_LLM_URL: {problem}")
    return CheckResult("Vision", True, f"{url} answers; models: {', '.join(report.models) or 'not listed'}")


VISION = FeatureBuilder(_build, check)
