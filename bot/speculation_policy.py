"""Decides from the settings (``GUESSES``) which work a call may do before it is certain that a turn is over."""

from __future__ import annotations

import logging
from dataclasses import replace

from bot.llm.requests import ModelOptions
from bot.voice.speculation import Speculation
from config.hosts import costs_money
from config.sections import Guesses, InterimTranscripts
from config.settings import Settings
from config.speech_settings import engine_costs_money

_log = logging.getLogger(__name__)

ENOUGH_CORES = 2
"""With this number of cores or more, replies are heard sooner with interim transcripts than without
(``benchmarks.real_call``)."""
NOT_PREPARED = "Answers are not prepared at pauses, because {}. GUESSES=on prepares them all the same"


def allowed_speculation(
    settings: Settings, model: ModelOptions, openai_url: str | None = None, *, spare_power: bool = False
) -> Speculation:
    """What calls may do before it is certain that a turn is over.

    Args:
        model: the model server for calls.
        openai_url: address of the server for the voice engine ``openai``; ``None`` if it is OpenAI's own server.
        spare_power: see :func:`has_spare_power`.
    """
    allowed = _by_costs(settings, model, openai_url)
    return replace(allowed, interims=_makes_interims(settings, allowed, spare_power))


def has_spare_power(settings: Settings, *, toys: bool, cores: int) -> bool:
    """Whether the bot's own Whisper has time for interim transcripts: on a graphics card, or with enough cores.

    Args:
        toys: whether the transcriber has toy weights, which know whole sentences only.
        cores: number of cores that the bot may use.
    """
    own = settings.stt.url is None and not toys
    return own and (cores >= ENOUGH_CORES or settings.stt.device.startswith("cuda"))


def _by_costs(settings: Settings, model: ModelOptions, openai_url: str | None) -> Speculation:
    words_cost = any(costs_money(server.url, server.key) for server in settings.stt.listed[:1])
    allowed = Speculation(words_cost=words_cost, wrong_a_minute=settings.call.wrong_guesses_per_minute)
    match settings.call.guesses:
        case Guesses.ON:
            return allowed
        case Guesses.OFF:
            return replace(allowed, replies=False, words=not words_cost)
        case Guesses.AUTO:
            if costs_money(model.url, model.api_key):
                _log.info(NOT_PREPARED.format(f"the model server at {model.server_name} costs money"))
                return replace(allowed, replies=False)
            return replace(allowed, voice=not voice_costs_money(settings, openai_url))


def _makes_interims(settings: Settings, allowed: Speculation, spare_power: bool) -> bool:
    if allowed.words_cost:
        return False
    match settings.call.interim_transcripts:
        case InterimTranscripts.ON:
            return True
        case InterimTranscripts.OFF:
            return False
        case InterimTranscripts.AUTO:
            # Interim transcripts make the final words come later. This only pays with speculative replies.
            return spare_power and allowed.replies


def voice_costs_money(settings: Settings, openai_url: str | None = None) -> bool:
    """Whether the bot's own speech server speaks with an online engine that needs a key.

    Which engine another speech server uses is not known here, so its voice counts as free.
    """
    return settings.tts.websocket_url is None and engine_costs_money(settings.voice_engine, openai_url)
