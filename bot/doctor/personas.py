"""The doctor's check of personas: they can be read, and their models exist."""

from __future__ import annotations

import asyncio

from bot.characters import persona_title
from bot.check_result import CheckResult
from bot.llm.personas import Persona, PersonaError
from bot.music.library import MusicLibrary, NotFoundInLibraryError
from bot.operator_files import other_personas
from bot.persona_models import missing_model
from config.settings import Settings


def missing_ambience(settings: Settings, persona: Persona) -> str | None:
    """What is wrong with a persona's ambience; ``None`` if nothing is, or if it has none. Blocks: it reads a folder."""
    if persona.ambience is None:
        return None
    if settings.music_dir is None:
        return f"{persona.name} has the ambience {persona.ambience!r}, but MUSIC_DIR is not set"
    try:
        MusicLibrary(settings.music_dir).find(persona.ambience)
    except NotFoundInLibraryError:
        return f"{persona.name} has the ambience {persona.ambience!r}, which is not the title of one piece in MUSIC_DIR"
    return None


async def check_personas(settings: Settings) -> CheckResult:
    """Check the personas that people can choose with ``!persona``."""
    try:
        others = await asyncio.to_thread(other_personas, settings)
    except PersonaError as error:
        return CheckResult("Personas", False, str(error))
    if not others:
        return CheckResult("Personas", None, "there are no others to choose")
    problems = [await missing_model(settings, persona) for persona in others.values()]
    problems += [await asyncio.to_thread(missing_ambience, settings, persona) for persona in others.values()]
    problem = next(filter(None, problems), None)
    names = ", ".join(persona_title(file, persona) for file, persona in others.items())
    return CheckResult("Personas", problem is None, problem or f"people may choose {names} too")
