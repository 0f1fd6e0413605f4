"""Builds the transcriber that the settings ask for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import aiohttp
from pydantic import SecretStr

from bot.metering import UNMETERED, Meter
from bot.models.catalogue import CatalogueError, load_catalogue
from bot.models.model_store import Condition
from bot.models.needs import (
    QUICK_ENGLISH,
    download_command,
    recogniser_model,
    repair_command,
    store_of,
    uses_quick_english,
)
from bot.models.outside import recogniser_is_here, recogniser_remedy
from bot.operator_files import read_corrections
from bot.own_weights import OwnWeights
from bot.servers.choice import Candidate
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.english_first import ENGLISH
from bot.voice.transcribe.hallucinations import HallucinationFilter
from bot.voice.transcribe.openai_transcriber import OpenAITranscriber
from bot.voice.transcribe.servers import TranscriptionServers
from bot.voice.transcribe.transcriber import Transcriber
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from config.hosts import costs_money, is_local
from config.sections import Guesses
from config.settings import Settings, Weights
from toys.whisper.weights import make_toy_whisper

AUTO, OFF = "auto", "off"
"""Values of ``STT_ENGLISH_MODEL`` that are no folders."""
TOY_NAME = "with toy weights"
"""Name of the toy weights in the transcriber's description."""


async def make_transcriber(
    settings: Settings,
    weights: OwnWeights,
    http: aiohttp.ClientSession,
    progress: Callable[[str, float], None],
    corrections: Corrections | None = None,
    meter: Meter = UNMETERED,
) -> Transcriber:
    """Build the transcriber. Toy weights are made if ``weights`` asks for them.

    Args:
        settings: the bot's settings.
        weights: the weights of the bot's own engines.
        http: session for requests to a transcription server. It must outlive the transcriber.
        progress: called with the name of a step and its progress, 0 to 1, while toy weights are made.
        corrections: the operator's corrections; ``None`` to read them from the operator's file.
        meter: counts the sound that is sent to servers.

    Raises:
        CorrectionsError: the operator's file of corrections can't be used.
        HallucinationsError: the file of typical hallucinations can't be used.
        OSError: the toy weights can't be written.
    """
    if corrections is None:
        corrections = await asyncio.to_thread(read_corrections, settings)
    hallucinations = await asyncio.to_thread(HallucinationFilter)
    if settings.stt.url is not None:
        return _server_transcriber(settings, http, corrections, hallucinations, meter)
    threads = settings.stt.threads or max(1, (os.cpu_count() or 2) - 1)
    english = await asyncio.to_thread(_english_model, settings, weights)
    if weights.stt is not None:
        own = replace(_own_options(weights.stt, settings, threads), english=english)
        return WhisperTranscriber(own, corrections, hallucinations, name=weights.stt.name)
    if weights.toy_stt:
        toys = await make_toy_whisper(settings.cache_dir, lambda done, what: progress(f"Toy ears: {what}", done))
        options = WhisperOptions(str(toys), "cpu", 1, "en", "float32")
        return WhisperTranscriber(options, corrections, hallucinations, name=TOY_NAME)
    model, remedy = await asyncio.to_thread(_model, settings)
    options = WhisperOptions(
        model, settings.stt.device, threads, settings.stt.language, settings.stt.compute_type, remedy, english
    )
    return WhisperTranscriber(options, corrections, hallucinations, is_here=recogniser_is_here)


def _server_transcriber(
    settings: Settings,
    http: aiohttp.ClientSession,
    corrections: Corrections,
    hallucinations: HallucinationFilter,
    meter: Meter,
) -> Transcriber:
    """The transcriber that asks the server of ``STT_URL``, or several that stand in for each other."""
    listed = settings.stt.listed
    each = [
        replace(
            settings.stt,
            url=server.url,
            model=server.model,
            api_key=None if server.key is None else SecretStr(server.key),
        )
        for server in listed
    ]
    made = [OpenAITranscriber(own.url or "", own, http, corrections, hallucinations, meter=meter) for own in each]
    if len(made) == 1:
        return made[0]
    candidates = [Candidate(costs_money(server.url, server.key), not is_local(server.url)) for server in listed]
    return TranscriptionServers(made, candidates, guesses=settings.call.guesses is Guesses.ON)


def _own_options(folder: Path, settings: Settings, threads: int) -> WhisperOptions:
    """The options for the profile's own weights. They run on the CPU unless a setting asks for a GPU."""
    device = "cpu" if settings.stt.device == "auto" else settings.stt.device
    numbers = "int8" if settings.stt.compute_type == "auto" and device == "cpu" else settings.stt.compute_type
    return WhisperOptions(str(folder), device, threads, settings.stt.language, numbers, f"Remedy: {repair_command()}.")


def _english_model(settings: Settings, weights: OwnWeights) -> Path | None:
    """The folder of the quick model for English, if one is wanted, present and worthwhile. Blocks on the disk."""
    choice = settings.stt.english_model
    if choice == OFF or settings.weights is Weights.TOYS or settings.stt.language not in (None, ENGLISH):
        return None
    if choice != AUTO:
        return Path(choice)
    try:
        catalogue = load_catalogue()
    except CatalogueError:
        return None
    # A larger Whisper knows English better, so the quick model would be a loss beside it.
    is_damaged = weights.conditions.get(QUICK_ENGLISH) is Condition.DAMAGED
    if is_damaged or not uses_quick_english(catalogue, settings):
        return None
    model = catalogue.models[QUICK_ENGLISH]
    store = store_of(settings, model)
    return store.folder(QUICK_ENGLISH) if store.is_whole(QUICK_ENGLISH, model) else None


def _model(settings: Settings) -> tuple[str, str]:
    """The name or folder of faster-whisper's model, and a sentence that says how to get the model if it is missing.

    Blocks on the disk.
    """
    try:
        catalogue = load_catalogue()
    except CatalogueError as error:
        return settings.stt.model or "", f"{error}."
    name = recogniser_model(catalogue, settings)
    if name is None:
        choice = settings.stt.model or ""
        return choice, recogniser_remedy(choice)
    model = catalogue.models[name]
    store = store_of(settings, model)
    downloaded = store.is_whole(name, model)
    remedy = f"To get it, type `{download_command(name)}`; or set STT_MODEL to the folder that holds another one."
    return str(store.folder(name)) if downloaded else next(iter(model.also_called), name), remedy
