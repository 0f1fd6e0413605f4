"""Names the language model and its server, for people."""

from __future__ import annotations

from bot.llm.personas import Character
from bot.llm.requests import ModelOptions
from bot.own_weights import OwnWeights
from config.settings import Settings


def describe_model(settings: Settings, weights: OwnWeights, options: ModelOptions, character: Character) -> str:
    """The model that answers as this character in calls, its server, and its graphics card if that is known."""
    name = character.persona.model or options.model or "its default model"
    if weights.toy_llm:
        name = "toy weights in llama.cpp"
    elif weights.llm is not None:
        name = f"{weights.llm.name} in llama.cpp"
    card = f", on the {settings.llm.known_call_gpu.value} card" if settings.llm.known_call_gpu else ""
    return f"{name} at {options.server_name}{card}"
