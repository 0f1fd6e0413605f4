"""Connects to the model servers that the settings name, or starts the bot's own. Starts the bot's own speech server."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from bot.database import Database
from bot.llm.answering_model import AnsweringModel
from bot.llm.client import ModelClient
from bot.llm.embedded import EmbeddedModelServer
from bot.llm.model_servers import ModelServers
from bot.llm.requests import ModelOptions
from bot.llm.try_weights import try_weights
from bot.metering import OWN, UNMETERED, Meter
from bot.model_router import ModelRouter
from bot.models.named_llm import EmbeddedLlm
from bot.models.quick_weights import NO_QUICK_COPY, CopyStoppedError, quick_weights
from bot.own_weights import OwnWeights, RealWeightsMissingError
from bot.speech_server_process import SpeechServerProcess, speech_server_options
from config.reasons import reason
from config.sections import Guesses
from config.settings import Settings, Weights
from config.types import GpuVendor
from toys.llm.weights import TOY_MODEL_NAME, toy_weights

_log = logging.getLogger(__name__)

Progress = Callable[[str, float], None]
"""Gets the name of a step and its progress, 0 to 1."""


NO_QUICK_LOAD = "the quicker copy of {name} can't be loaded ({reason}), so {name} is used as it was fetched."


@asynccontextmanager
async def served_llm(
    llm: EmbeddedLlm, progress: Progress = lambda what, done: None
) -> AsyncIterator[EmbeddedModelServer]:
    """Load a model and serve it by llama.cpp in the bot. A file without a checksum is first tried in another process.

    Raises:
        RuntimeError, OSError: the model can't be loaded.
    """
    if llm.unchecked:
        await try_weights(llm.path)
    async with await _llm_server(llm, await quickest_weights(llm, progress)) as server:
        yield server


async def quickest_weights(llm: EmbeddedLlm, progress: Progress = lambda what, done: None) -> Path:
    """The file to load for a model: its quicker copy, which may have to be made first, or its weights themselves.

    Args:
        progress: called in another thread while a copy is made.
    """
    if llm.sha256 is None:
        return llm.path
    stopped = threading.Event()

    def begin(amount: int) -> Callable[[int], None]:
        done = 0

        def advance(step: int) -> None:
            nonlocal done
            if stopped.is_set():
                raise CopyStoppedError
            done += step
            progress(f"Quicker copy of {llm.name}", done / amount)

        advance(0)
        return advance

    try:
        return await asyncio.to_thread(quick_weights, llm.path, llm.sha256, begin)
    except OSError as error:
        _log.warning("Weights: %s", NO_QUICK_COPY.format(name=llm.name, reason=reason(error)))
        return llm.path
    finally:
        # If the bot ends in the meantime, it does not have to wait for the copy.
        stopped.set()


async def _llm_server(llm: EmbeddedLlm, quickest: Path) -> EmbeddedModelServer:
    """A server that has loaded the quickest weights. If that fails: a server that will load the model's own file."""
    if quickest != llm.path:
        server = EmbeddedModelServer(quickest, name=llm.name)
        try:
            await server.start()
        except (RuntimeError, OSError) as error:
            _log.warning("Weights: %s", NO_QUICK_LOAD.format(name=llm.name, reason=error))
        else:
            return server
    return EmbeddedModelServer(llm.path, name=llm.name)


async def open_model_router(
    settings: Settings,
    weights: OwnWeights,
    database: Database,
    stack: AsyncExitStack,
    progress: Progress,
    meter: Meter = UNMETERED,
) -> tuple[OwnWeights, ModelRouter]:
    """The model router, and the weights that are really used: others or toys if the chosen ones can't be loaded.

    Args:
        meter: counts the tokens of all requests.

    Raises:
        RealWeightsMissingError: the weights can't be loaded, and ``WEIGHTS=real`` allows no toys.
    """
    urls, known_as = settings.llm.servers, None
    if not urls:
        known_as = OWN
        weights, url = await _start_own_llm(settings, weights, stack, progress)
        urls = {settings.llm.call_gpu: url}
        # The bot's own server has one model, and accepts any name for it.
        settings = settings.changed(llm_model=None)
    clients: dict[GpuVendor, AnsweringModel] = {
        card: await stack.enter_async_context(_model_at(settings, url, meter, known_as)) for card, url in urls.items()
    }
    return weights, await ModelRouter.load(database, clients, settings.llm.call_gpu)


def _model_at(settings: Settings, url: str, meter: Meter, known_as: str | None) -> ModelClient | ModelServers:
    """The client of the server at ``url``, and of those that stand in for it if it is the first of a list."""
    listed = ModelOptions.all(settings.llm)
    if len(listed) > 1:
        return ModelServers(listed, meter, guesses=settings.call.guesses is Guesses.ON)
    return ModelClient(ModelOptions.of(settings.llm, url), meter, known_as=known_as)


async def _start_own_llm(
    settings: Settings, weights: OwnWeights, stack: AsyncExitStack, progress: Progress
) -> tuple[OwnWeights, str]:
    while weights.llm is not None:
        llm, *fallbacks = weights.llms
        try:
            server = await stack.enter_async_context(served_llm(llm, progress))
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
