"""The doctor's check of personas: they can be read, and their models exist."""

from __future__ import annotations

import asyncio

from bot.check_result import CheckResult
from bot.llm.personas import PersonaError
from bot.operator_files import other_personas
from bot.persona_models import missing_model
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
