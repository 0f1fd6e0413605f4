"""The models that personas ask for, and whether the model servers have them."""

from __future__ import annotations

from dataclasses import replace

from bot.llm.client import ModelClient
from bot.llm.personas import Persona, PersonaError
from bot.llm.requests import ModelOptions
from bot.operator_files import own_persona
from config.settings import Settings


def wanted_model(settings: Settings) -> str | None:
    """The model that the bot's own persona names, or ``LLM_MODEL``; ``None`` if neither is set."""
    try:
        return own_persona(settings).model or settings.llm.call_model
    except PersonaError:
        return settings.llm.call_model


async def missing_model(settings: Settings, persona: Persona) -> str | None:
    """An error text if a model server does not have the model that a persona names; otherwise ``None``."""
    asked_for = persona.model or settings.llm.call_model
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
