"""Builds the feature dual persona (the bot's persona argues with a twin) if ``BIPOLAR_TWIN`` is set."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

from bot.check_result import CheckResult
from bot.feature import Feature, FeatureBuilder, FeatureParts, OptionalCommands
from bot.features.dual_persona.commands import DualPersonaCommands
from bot.features.dual_persona.feature import DualPersona
from bot.features.dual_persona.records import ArgumentRecords
from bot.llm.personas import Persona, PersonaError
from bot.operator_files import read_persona
from bot.persona_models import missing_model
from config.settings import Settings


async def _build(parts: FeatureParts) -> Feature | None:
    settings = parts.settings
    twin = await asyncio.to_thread(read_twin, settings)
    if twin is None:
        return None
    records, zone = ArgumentRecords(parts.database), ZoneInfo(settings.timezone)
    persona = parts.characters.default.persona
    argument = DualPersona(parts.client, records, parts.models, persona, twin, settings.bipolar, zone=zone)
    return Feature(argument, (DualPersonaCommands(argument),), argument.run, argument.observe)


def read_twin(settings: Settings) -> Persona | None:
    """The persona in ``BIPOLAR_TWIN``, ``None`` if it is not set; raises :class:`~bot.llm.personas.PersonaError`."""
    return read_persona("BIPOLAR_TWIN", settings.bipolar.twin) if settings.bipolar.twin else None


async def check(settings: Settings) -> CheckResult:
    """The check for the command ``doctor``: the twin's persona can be read, and its model exists."""
    try:
        persona = await asyncio.to_thread(read_twin, settings)
    except PersonaError as error:
        return CheckResult("Twin", False, str(error))
    if persona is None:
        return CheckResult("Twin", None, "BIPOLAR_TWIN is not set: the bot does not argue with a twin")
    problem = await missing_model(settings, persona)
    return CheckResult("Twin", problem is None, problem or persona.name)


def _missing(settings: Settings) -> str | None:
    return None if settings.bipolar.twin else "BIPOLAR_TWIN"


DUAL_PERSONA = FeatureBuilder(
    _build, check, read_twin, OptionalCommands(("bipolar", "argue"), subject="Arguing with a twin", missing=_missing)
)
