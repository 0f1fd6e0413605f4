"""The doctor's check of personas: they can be read, and their models exist."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.check_result import CheckResult
from bot.llm.client import ModelClient
from bot.llm.personas import Persona, PersonaError
from bot.llm.requests import ModelOptions
from bot.operator_files import other_personas, own_persona
from config.settings import Settings


async def check_personas(settings: Settings) -> CheckResult:
    """Check the personas that people can choose with ``!persona``."""
    try:
        others = await asyncio.to_thread(other_personas, settings)
    except PersonaError as error:
        return CheckResult("Personas", False, str(error))
    if not others:
        return CheckResult("Personas", None, "there are no others to choose")
    problems = [await missing_model(settings, persona) for persona in others.values()]
    problem = next(filter(None, problems), None)
    names = ", ".join(f"{persona.name} ({file})" for file, persona in others.items())
    return CheckResult("Personas", problem is None, problem or f"people may choose {names} too")


def wanted_model(settings: Settings) -> str | None:
    """The model that the bot's own persona names, or ``LLM_MODEL``; ``None`` if neither is set."""
    try:
        return own_persona(settings).model or settings.llm.model
    except PersonaError:
        return settings.llm.model


async def missing_model(settings: Settings, persona: Persona) -> str | None:
    """An error text if a model server does not have the model that a persona names; otherwise ``None``."""
    asked_for = persona.model or settings.llm.model
    if asked_for == wanted_model(settings):
        # The check of the model server covers this model already.
        return None
    for url in settings.llm.servers.values():
        async with ModelClient(replace(ModelOptions.of(settings.llm, url), model=asked_for)) as model:
            report = await model.check()
        if report.models and report.problem:
            whose = "a model of its own" if persona.model else "LLM_MODEL"
            return f"{persona.name} asks for {whose}: {report.problem}"
    return None
