"""What the doctor finds out about the features: whether what the operator has set for each can be used."""

from __future__ import annotations

import asyncio

import aiohttp

from bot.features.image_generation.workflow import Workflow, WorkflowError
from bot.features.profile_picture.folder import picture_names
from bot.finding import Finding
from bot.llm.personas import PersonaError, load_persona
from config.settings import Settings

PATIENCE = aiohttp.ClientTimeout(total=5.0)


async def vision(settings: Settings) -> Finding:
    """The vision model's server answers."""
    if settings.vision_llm_url is None:
        return Finding("Vision", None, "VISION_LLM_URL is not set: pictures are not looked at")
    return await _reach("Vision", "VISION_LLM_URL", f"{str(settings.vision_llm_url).rstrip('/')}/models")


async def drawing(settings: Settings) -> Finding:
    """ComfyUI answers, and there is a workflow for it."""
    if settings.comfyui_url is None:
        return Finding("Drawing", None, "COMFYUI_URL is not set: nothing is drawn")
    if settings.comfyui_workflow is None:
        return Finding("Drawing", False, "COMFYUI_URL is set, but COMFYUI_WORKFLOW is not: nothing can be drawn")
    try:
        await asyncio.to_thread(Workflow.load, settings.comfyui_workflow)
    except WorkflowError as error:
        return Finding("Drawing", False, f"COMFYUI_WORKFLOW: {error}")
    return await _reach("Drawing", "COMFYUI_URL", f"{str(settings.comfyui_url).rstrip('/')}/queue")


async def twin(settings: Settings) -> Finding:
    """The other persona can be read."""
    if settings.bipolar_twin is None:
        return Finding("Twin", None, "BIPOLAR_TWIN is not set: there are no arguments")
    try:
        persona = load_persona(settings.bipolar_twin)
    except PersonaError as error:
        return Finding("Twin", False, f"BIPOLAR_TWIN: {error}")
    return Finding("Twin", True, persona.name)


async def pictures(settings: Settings) -> Finding:
    """There are pictures of the bot."""
    folder = settings.avatar_folder
    if folder is None:
        return Finding("Pictures", None, "AVATAR_FOLDER is not set: the profile picture stays as it is")
    try:
        names = await asyncio.to_thread(picture_names, folder)
    except OSError as error:
        return Finding("Pictures", False, f"AVATAR_FOLDER={folder} can't be read: {error.strerror or error}")
    return Finding("Pictures", bool(names), f"{len(names)} in {folder}")


async def feeds(settings: Settings) -> Finding:
    """Every feed answers."""
    if not settings.figurine_feeds:
        return Finding("Feeds", None, "FIGURINE_FEEDS is not set: no figurines are looked for")
    found = [await _reach("Feeds", "FIGURINE_FEEDS", feed) for feed in settings.figurine_feeds]
    return next((finding for finding in found if not finding.good), found[0])


async def _reach(subject: str, variable: str, url: str) -> Finding:
    try:
        async with aiohttp.ClientSession(timeout=PATIENCE) as session, session.get(url) as response:
            good = response.status < 500
            return Finding(subject, good, f"{url} answers with status {response.status}")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return Finding(subject, False, f"{variable}: {url} can't be reached ({error or 'no answer'})")
