"""Warming up the transcriber, the language model and the voice at the start, so that no call waits for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from bot.llm.client import ModelClient
from bot.llm.errors import ModelError
from bot.llm.history import Turn
from bot.llm.personas import Character
from bot.llm.prompts import SPOKEN, ConversationMessages
from bot.llm.small_model import SmallPrompts
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.errors import SpeechUnavailable
from bot.voice.transcribe.transcriber import Transcriber, TranscriptionError

_log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 30.0, 600.0
"""Seconds until a part that can't be had is tried again; the pause doubles with each attempt."""


async def warm_up(
    parts: Mapping[str, Callable[[], Awaitable[None]]], *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Return when all parts are warm, by their names; one that can't be had yet is logged, and tried again."""
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
        pause = min(2 * pause, LONGEST_PAUSE)


async def warm_transcriber(transcriber: Transcriber, in_call: Callable[[], bool]) -> None:
    """Load the recogniser's model, which rests again after a while without a call."""
    await transcriber.warm_up()
    if not in_call():
        await transcriber.rest()


async def warm_model(
    model: ModelClient, character: Character, clock: Callable[[], datetime], small_prompts: SmallPrompts
) -> None:
    """Have the model loaded, and what a call tells it first in the server's prompt cache."""
    await model.learn_model_size(model=character.persona.model)
    prompts = ConversationMessages(SPOKEN, model, clock, small_prompts)
    messages = await prompts.write(character, (), Turn.of_person("Someone", "hello"), "")
    await model.warm_up(messages, model=character.persona.model)


async def warm_speech_server(speech_server: SpeechServerClient) -> None:
    """Wait until the speech server's voice is loaded."""
    stream = speech_server.stream()
    await stream.open()
    try:
        await stream.loaded(lambda _: None)
    finally:
        await stream.close()
