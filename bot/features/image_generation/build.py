"""Builds the feature that draws pictures, if ``COMFYUI_URL`` and ``COMFYUI_WORKFLOW`` are set."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus

import aiohttp

from bot.access import Permit, RateLimit
from bot.check_result import CheckResult
from bot.feature import Feature, FeatureBuilder, FeatureParts, OptionalCommands
from bot.features.image_generation.commands import DrawingCommands
from bot.features.image_generation.feature import ImageGeneration
from bot.features.image_generation.workflow import Workflow, WorkflowError
from bot.identity import HEADERS
from bot.network_errors import network_error_text
from bot.operator_files import OperatorFileError
from bot.redirects import is_redirect
from config.settings import Settings

_log = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=5.0)


async def _build(parts: FeatureParts) -> Feature | None:
    settings = parts.settings
    workflow = await asyncio.to_thread(read_workflow, settings) if settings.draw.url is not None else None
    if settings.draw.url is None or workflow is None:
        if settings.draw.url is not None:
            _log.warning("COMFYUI_URL is set, but COMFYUI_WORKFLOW is not: I can't draw")
        return None
    permit, rate = Permit.parse(settings.who_may.draw), RateLimit(settings.draw.rate)
    images = ImageGeneration(settings.draw.url, workflow, settings.draw.timeout, parts.http, permit, rate)
    return Feature(images, (DrawingCommands(images),), close=images.close)


def read_workflow(settings: Settings) -> Workflow | None:
    """The workflow in the file ``COMFYUI_WORKFLOW``; ``None`` if this setting is not set. Blocks on the disk.

    Raises:
        OperatorFileError: the file can't be read, or is not a valid workflow.
    """
    if settings.draw.workflow is None:
        return None
    try:
        return Workflow.load(settings.draw.workflow)
    except WorkflowError as error:
        raise OperatorFileError(f"COMFYUI_WORKFLOW: {error}") from error


async def check(settings: Settings) -> CheckResult:
    """The doctor's check: ComfyUI answers, and the operator's workflow can be read."""
    if settings.draw.url is None:
        return CheckResult("Drawing", None, "COMFYUI_URL is not set: nothing is drawn")
    try:
        if await asyncio.to_thread(read_workflow, settings) is None:
            return CheckResult(
                "Drawing", False, "COMFYUI_URL is set, but COMFYUI_WORKFLOW is not: nothing can be drawn"
            )
    except OperatorFileError as error:
        return CheckResult("Drawing", False, str(error))
    url = f"{settings.draw.url}/queue"
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, headers=HEADERS) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            good = response.status == HTTPStatus.OK
            elsewhere = is_redirect(response.status)
            said = "redirects me elsewhere" if elsewhere else f"answers with status {response.status}"
            return CheckResult("Drawing", good, f"{url} {said}{'' if good else '. Is COMFYUI_URL right?'}")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return CheckResult("Drawing", False, f"COMFYUI_URL: {url} can't be reached ({network_error_text(error)})")


def _missing(settings: Settings) -> str | None:
    if settings.draw.url is None:
        return "COMFYUI_URL"
    return None if settings.draw.workflow else "COMFYUI_WORKFLOW"


IMAGE_GENERATION = FeatureBuilder(
    _build, check, read_workflow, OptionalCommands(("draw", "draw-cancel"), subject="Drawing", missing=_missing)
)
