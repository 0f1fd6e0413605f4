"""Connects to the model servers that the settings name, or starts the bot's own. Starts the bot's own speech server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from bot.database import Database
from bot.llm.client import ModelClient
from bot.llm.embedded import EmbeddedModelServer
from bot.llm.requests import ModelOptions
from bot.llm.try_weights import try_weights
from bot.model_router import ModelRouter
from bot.models.named_llm import EmbeddedLlm
from bot.own_weights import OwnWeights, RealWeightsMissingError
from bot.speech_server_process import SpeechServerProcess, speech_server_options
from config.settings import Settings, Weights
from toys.llm.weights import TOY_MODEL_NAME, toy_weights

_log = logging.getLogger(__name__)

Progress = Callable[[str, float], None]
"""Gets the name of a step and its progress, 0 to 1."""


@asynccontextmanager
async def served_llm(llm: EmbeddedLlm) -> AsyncIterator[EmbeddedModelServer]:
    """Load a model and serve it by llama.cpp in the bot. A file without a checksum is first tried in another process.

    Raises:
        RuntimeError, OSError: the model can't be loaded.
    """
    if llm.unchecked:
        await try_weights(llm.path)
    async with EmbeddedModelServer(llm.path, name=llm.name) as server:
        yield server


async def open_model_router(
    settings: Settings, weights: OwnWeights, database: Database, stack: AsyncExitStack, progress: Progress
) -> tuple[OwnWeights, ModelRouter]:
    """The model router, and the weights that are really used: others or toys if the chosen ones can't be loaded.

    Raises:
        RealWeightsMissingError: the weights can't be loaded, and ``WEIGHTS=real`` allows no toys.
    """
    urls = settings.llm.servers
    if not urls:
        weights, url = await _start_own_llm(settings, weights, stack, progress)
        urls = {settings.llm.call_gpu: url}
        # The bot's own server has one model, and accepts any name for it.
        settings = settings.changed(llm_model=None)
    clients = {
        card: await stack.enter_async_context(ModelClient(ModelOptions.of(settings.llm, url)))
        for card, url in urls.items()
    }
    return weights, await ModelRouter.load(database, clients, settings.llm.call_gpu)


async def _start_own_llm(
    settings: Settings, weights: OwnWeights, stack: AsyncExitStack, progress: Progress
) -> tuple[OwnWeights, str]:
    while weights.llm is not None:
        llm, *fallbacks = weights.llms
        try:
            server = await stack.enter_async_context(served_llm(llm))
            return weights, server.base_url(settings.llm.api)
        except (RuntimeError, OSError) as error:
            if settings.weights is Weights.REAL:
                raise RealWeightsMissingError(f"{llm.name} can't be loaded: {error}. Remedy: {llm.remedy}") from error
            instead = fallbacks[0].name if fallbacks else "toys"
            _log.warning("Weights: %s can't be loaded (%s); using %s. Remedy: %s", llm.name, error, instead, llm.remedy)
            weights = replace(weights, llms=tuple(fallbacks), toy_llm=not fallbacks)
    toys = await asyncio.to_thread(
        toy_weights, settings.cache_dir, lambda done, what: progress(f"Toy model: {what}", done)
    )
    server = await stack.enter_async_context(EmbeddedModelServer(toys, name=TOY_MODEL_NAME))
    return weights, server.base_url(settings.llm.api)


async def start_speech_server(
    settings: Settings, weights: OwnWeights, stack: AsyncExitStack, progress: Progress
) -> str:
    """Start the bot's own speech server and return its address. The server ends with the stack.

    Raises:
        ServiceError: the server does not start.
    """
    progress("Speech server: starting", 0.0)
    server = SpeechServerProcess(speech_server_options(settings, weights))
    stack.push_async_callback(server.stop)
    await server.start()
    progress("Speech server: ready", 1.0)
    return server.url
