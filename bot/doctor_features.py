"""What the doctor finds out about the features: whether what the operator has set for each can be used."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import aiohttp

from bot.away import why
from bot.features.figurine_notifier.fetching import FeedError, Validators, fetch_page, read_items
from bot.features.image_generation.workflow import WorkflowError
from bot.features.profile_picture.folder import picture_names
from bot.finding import Finding
from bot.identity import HEADERS
from bot.llm.options import ModelOptions
from bot.llm.personas import Persona, PersonaError
from bot.llm.stream import ModelClient
from bot.operator_files import other_personas, own_persona, twin_persona, workflow
from config.reasons import reason
from config.settings import Settings

PATIENCE = aiohttp.ClientTimeout(total=5.0)


async def vision(settings: Settings) -> Finding:
    """The vision model's server answers."""
    if settings.vision_llm_url is None:
        return Finding("Vision", None, "VISION_LLM_URL is not set: pictures are not looked at")
    key = settings.vision_llm_api_key.get_secret_value() if settings.vision_llm_api_key else None
    url = str(settings.vision_llm_url).rstrip("/")
    async with ModelClient(ModelOptions(url, model=settings.vision_llm_model, api_key=key)) as model:
        report = await model.check()
    if report.problem:
        problem = report.problem.replace("LLM_API_KEY", "VISION_LLM_API_KEY")
        return Finding("Vision", False, f"VISION_LLM_URL: {problem}")
    return Finding("Vision", True, f"{url} answers; models: {', '.join(report.models) or 'not listed'}")


async def drawing(settings: Settings) -> Finding:
    """ComfyUI answers, and there is a workflow for it."""
    if settings.comfyui_url is None:
        return Finding("Drawing", None, "COMFYUI_URL is not set: nothing is drawn")
    try:
        if await asyncio.to_thread(workflow, settings) is None:
            return Finding("Drawing", False, "COMFYUI_URL is set, but COMFYUI_WORKFLOW is not: nothing can be drawn")
    except WorkflowError as error:
        return Finding("Drawing", False, str(error))
    return await _reach("Drawing", "COMFYUI_URL", f"{str(settings.comfyui_url).rstrip('/')}/queue")


async def twin(settings: Settings) -> Finding:
    """The other persona can be read."""
    try:
        persona = await asyncio.to_thread(twin_persona, settings)
    except PersonaError as error:
        return Finding("Twin", False, str(error))
    if persona is None:
        return Finding("Twin", None, "BIPOLAR_TWIN is not set: there are no arguments")
    problem = await _missing_model(settings, persona)
    return Finding("Twin", problem is None, problem or persona.name)


async def personas(settings: Settings) -> Finding:
    """Whom people may choose with ``!persona`` can be used, and has a model that there is."""
    try:
        others = await asyncio.to_thread(other_personas, settings)
    except PersonaError as error:
        return Finding("Personas", False, str(error))
    if not others:
        return Finding("Personas", None, "there are no others to choose")
    problems = [await _missing_model(settings, persona) for persona in others]
    problem = next(filter(None, problems), None)
    names = ", ".join(persona.name for persona in others)
    return Finding("Personas", problem is None, problem or f"people may choose {names} too")


def wanted_model(settings: Settings) -> str | None:
    """The model that the bot's own persona asks for."""
    try:
        return own_persona(settings).model or settings.llm_model
    except PersonaError:
        return settings.llm_model


async def _missing_model(settings: Settings, persona: Persona) -> str | None:
    """What to say where a server for replies lists its models, and the one that this persona asks for is not there."""
    asked_for = persona.model or settings.llm_model
    if asked_for == wanted_model(settings):
        # The finding about the model tells that already.
        return None
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    for url in settings.model_urls.values():
        async with ModelClient(ModelOptions(url, settings.llm_api, asked_for, key)) as model:
            report = await model.check()
        if report.models and report.problem:
            whose = "a model of its own" if persona.model else "LLM_MODEL"
            return f"{persona.name} asks for {whose}: {report.problem}"
    return None


async def pictures(settings: Settings) -> Finding:
    """There are pictures of the bot."""
    folder = settings.avatar_folder
    if folder is None:
        return Finding("Pictures", None, "AVATAR_FOLDER is not set: the profile picture stays as it is")
    try:
        names = await asyncio.to_thread(picture_names, folder)
    except OSError as error:
        return Finding("Pictures", False, f"AVATAR_FOLDER={folder} can't be read: {reason(error)}")
    return Finding("Pictures", bool(names), f"{len(names)} in {folder}")


async def feeds(settings: Settings) -> Finding:
    """Every feed comes and is one, fetched as the notifier does."""
    if not settings.figurine_feeds:
        return Finding("Feeds", None, "FIGURINE_FEEDS is not set: no figurines are looked for")
    faults, items = [], 0
    async with aiohttp.ClientSession(headers=HEADERS) as http:
        for feed in settings.figurine_feeds:
            try:
                page = await fetch_page(http, feed, Validators())
                items += len(await read_items(page.data)) if page else 0
            except FeedError as error:
                faults.append(f"{feed}: {error}")
    if faults:
        return Finding("Feeds", False, "FIGURINE_FEEDS: " + "; ".join(faults))
    return Finding("Feeds", True, f"{len(settings.figurine_feeds)} answer, with {items} items")


async def _reach(subject: str, variable: str, url: str) -> Finding:
    try:
        async with aiohttp.ClientSession(timeout=PATIENCE, headers=HEADERS) as session, session.get(url) as response:
            good = response.status == HTTPStatus.OK
            advice = "" if good else f". Is {variable} right?"
            return Finding(subject, good, f"{url} answers with status {response.status}{advice}")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return Finding(subject, False, f"{variable}: {url} can't be reached ({why(error)})")
