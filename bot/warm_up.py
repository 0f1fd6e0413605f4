"""Loads all engines when the bot has started, so that the first call does not wait for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from bot.llm.answering_model import AnsweringModel
from bot.llm.errors import ModelError
from bot.llm.history import Turn
from bot.llm.personas import Character
from bot.llm.prompts import IN_A_CALL, ConversationMessages
from bot.llm.small_model import SmallPrompts
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.errors import SpeechUnavailable
from bot.voice.transcribe.transcriber import Transcriber, TranscriptionError

_log = logging.getLogger(__name__)

FIRST_PAUSE = 30.0
"""Seconds until a part that failed is tried again. The pause doubles with each further failure."""
MAX_PAUSE = 600.0
"""Longest pause before an attempt, in seconds."""


async def warm_up_engines(
    parts: Mapping[str, Callable[[], Awaitable[None]]], *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Warm up all parts, given by name. A part that fails is tried again. Returns when all are done."""
    async with asyncio.TaskGroup() as group:
        for name, warm in parts.items():
            group.create_task(_warm(name, warm, sleep), name=f"warm-up of the {name}")


async def _warm(name: str, warm: Callable[[], Awaitable[None]], sleep: Callable[[float], Awaitable[None]]) -> None:
    pause = FIRST_PAUSE
    while True:
        try:
            await warm()
        except (TranscriptionError, ModelError, SpeechUnavailable) as error:
            if pause == FIRST_PAUSE:
                _log.warning("Not ready yet: %s: %s", name, error)
        else:
            return
        await sleep(pause)
        pause = min(2 * pause, MAX_PAUSE)


async def warm_transcriber(transcriber: Transcriber, in_call: Callable[[], bool]) -> None:
    """Load the transcriber's model. It is unloaded again after a while without a call."""
    await transcriber.warm_up()
    if not in_call():
        await transcriber.release_memory()


async def warm_model(
    model: AnsweringModel, character: Character, clock: Callable[[], datetime], small_prompts: SmallPrompts
) -> None:
    """Have the server load the model, and fill its prompt cache with the first prompt of a call.

    A server that costs money is asked for nothing. :class:`~bot.engine_checks.EngineChecks` finds out whether it can be
    used.
    """
    if model.options.paid:
        return
    await model.learn_model_size(model=character.persona.model)
    await model.learn_slots(model=character.persona.model)
    prompts = ConversationMessages(IN_A_CALL, model, clock, small_prompts)
    messages = await prompts.write(character, (), Turn.of_person("Someone", "hello"), "")
    await model.warm_up(messages, model=character.persona.model)


async def warm_speech_server(speech_server: SpeechServerClient) -> None:
    """Wait until the speech server has loaded its preferred engine."""
    stream = speech_server.stream()
    await stream.open()
    try:
        await stream.loaded(lambda _: None)
    finally:
        await stream.close()
