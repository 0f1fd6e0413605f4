"""Names the language model and its server, for people."""

from __future__ import annotations

from bot.llm.answering_model import AnsweringModel
from bot.llm.model_servers import ModelServers
from bot.llm.personas import Character
from bot.own_weights import OwnWeights
from config.settings import Settings

TOO_SMALL = "too small for tools"
"""The remark about a model that is offered no tools."""


NO_TOOLS = (
    "🔧 My mind is too small for tools: it chats, but it can't look things up, set timers, or change how I speak. For "
    "more, set `LLM_URL` to the server of a larger model."
)
"""Shown once on the page, if the model of a server is offered no tools."""


def describe_model(settings: Settings, weights: OwnWeights, client: AnsweringModel, character: Character) -> str:
    """The model that answers as this character in calls, its server, and its graphics card if that is known.

    The text also says whether the model is too small for tools, and whether its server stands in for another one.
    """
    options = client.options
    name = character.persona.model or options.model or "its default model"
    if weights.toy_llm:
        name = "toy weights in llama.cpp"
    elif weights.llm is not None:
        name = f"{weights.llm.name} in llama.cpp"
    card = f", on the {settings.llm.known_call_gpu.value} card" if settings.llm.known_call_gpu else ""
    small = "" if client.size_of(model=character.persona.model).takes_tools else f" ({TOO_SMALL})"
    usual = client.stands_in_for if isinstance(client, ModelServers) else None
    stands_in = f", standing in for {usual}, which doesn't answer or is too slow" if usual is not None else ""
    return f"{name} at {options.server_name}{card}{stands_in}{small}"
