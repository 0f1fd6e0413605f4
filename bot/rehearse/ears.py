"""Tries the speech recognition models that are on this machine with the guests' questions. Downloads nothing."""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import soxr

from audio.samples import HEARING_RATE
from bot.demo.lines import SpokenLine
from bot.identity import HEADERS
from bot.models.catalogue import CatalogueError, load_catalogue
from bot.models.needs import (
    QUICK_ENGLISH,
    is_here,
    recogniser_model,
    recognises_speech,
    store_of,
    uses_quick_english,
)
from bot.own_weights import OwnWeights
from bot.rehearse.advice import EarsTrial
from bot.transcribers import make_transcriber
from bot.voice.transcribe.transcriber import TranscriptionError, TranscriptionRequest, Urgency
from config.settings import Settings
from sandbox.voice.opus import SAMPLE_RATE
from sandbox.word_errors import NO_WORDS, word_errors


def recogniser_in_use(settings: Settings) -> str | None:
    """The catalogue's id of the model in use; ``None`` if the catalogue has no such model. Blocks on the disk."""
    try:
        return recogniser_model(load_catalogue(), settings)
    except CatalogueError:
        return None


def lacks_quick_english(settings: Settings) -> bool:
    """Whether the quick model for English would help, and is not on this machine. Blocks on the disk."""
    try:
        catalogue = load_catalogue()
    except CatalogueError:
        return False
    return uses_quick_english(catalogue, settings) and not is_here(
        settings, QUICK_ENGLISH, catalogue.models[QUICK_ENGLISH]
    )


def other_ears(settings: Settings) -> dict[str, Path]:
    """The models on this machine that are smaller than the one in use, with their folders. Blocks on the disk.

    If the model in use is on a server or not in the catalogue, all models on this machine are returned.
    """
    try:
        catalogue = load_catalogue()
    except CatalogueError:
        return {}
    used = recogniser_model(catalogue, settings)
    limit = catalogue.models[used].size if used is not None else math.inf
    return {
        name: store_of(settings, model).folder(name)
        for name, model in catalogue.models.items()
        if recognises_speech(model) and model.size < limit and store_of(settings, model).is_whole(name, model)
    }


async def try_ears(
    settings: Settings, weights: OwnWeights, others: Mapping[str, Path], lines: Sequence[SpokenLine]
) -> tuple[EarsTrial, ...]:
    """Transcribe the questions with the ears in use, and with other models.

    Args:
        others: the folders of the other models, by name.

    Returns:
        The trials, that of the ears in use first; empty if the ears in use fail. Other models that fail are left out.
    """
    name = await asyncio.to_thread(recogniser_in_use, settings)
    used = await _try(name or "the ears in use", settings, weights, lines)
    if used is None:
        return ()
    trials = [used]
    for name, folder in others.items():
        # This is what the bot would do with the model's name in STT_MODEL.
        instead = settings.changed(stt_model=str(folder), stt_url=None)
        if (trial := await _try(name, instead, OwnWeights(), lines)) is not None:
            trials.append(trial)
    return tuple(trials)


async def _try(name: str, settings: Settings, weights: OwnWeights, lines: Sequence[SpokenLine]) -> EarsTrial | None:
    """Transcribe the questions with one model. ``None`` if it can't be used."""
    async with aiohttp.ClientSession(headers=HEADERS) as http:
        transcriber = await make_transcriber(settings, weights, http, lambda *_: None)
        seconds, errors = [], NO_WORDS
        try:
            await transcriber.warm_up()
            for line in lines:
                sound = await asyncio.to_thread(soxr.resample, line.sound, SAMPLE_RATE, HEARING_RATE)
                began = time.monotonic()
                heard = await transcriber.transcribe(TranscriptionRequest(sound, Urgency.FINAL))
                seconds.append(time.monotonic() - began)
                errors += word_errors(line.text, heard.text)
        except TranscriptionError:
            return None
        finally:
            await transcriber.close()
    return EarsTrial(name, statistics.median(seconds), errors)
