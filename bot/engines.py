"""The engines of all calls: the mind (language model), the ears (transcriber) and the voice (speech server)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import aiohttp

from bot.database import Database
from bot.engine_checks import EngineCheck, check_model, check_speech_server, check_transcriber
from bot.identity import HEADERS
from bot.llm.personas import Character
from bot.llm.small_model import SmallPrompts
from bot.metering import UNMETERED, Meter
from bot.model_name import describe_model
from bot.model_router import ModelRouter
from bot.monitoring.monitor import EngineNames
from bot.own_engines import Progress, open_model_router, start_speech_server
from bot.own_weights import OwnWeights, choose_weights
from bot.paid_servers import paid_better_engine, paid_fallbacks
from bot.speculation_policy import voice_costs_money
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import SpeechServerClient
from bot.transcribers import make_transcriber
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.transcriber import Transcriber
from bot.voice.turns.turns import TurnPolicy, load_turn_policy
from bot.warm_up import warm_model, warm_speech_server, warm_transcriber, warm_up_engines
from config.hosts import costs_money
from config.sections import Guesses
from config.settings import Settings
from config.speech_settings import engine_variables

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of all calls. Made by :func:`open_engines`.

    Attributes:
        weights: the weights that the bot's own engines really use.
        models: the mind: the model servers, by graphics card.
        transcriber: the ears.
        turn_policy: the models that detect speech and the end of a turn.
        speech_server: the voice.
        http: the HTTP session of the clients.
    """

    weights: OwnWeights
    models: ModelRouter
    transcriber: Transcriber
    turn_policy: TurnPolicy
    speech_server: SpeechServerClient
    http: aiohttp.ClientSession

    def checks(self, stt_url: str | None) -> dict[str, EngineCheck]:
        """The checks of the engines, by their names in ``python -m bot health``.

        Args:
            stt_url: the address of the transcriber, if it is a server.
        """
        model = self.models.for_calls_client
        return {
            "model": EngineCheck.at(model.options.url, partial(check_model, model)),
            "ears": EngineCheck.at(stt_url or "", partial(check_transcriber, self.transcriber)),
            "voice": EngineCheck(partial(check_speech_server, self.speech_server)),
        }

    def names(self, settings: Settings, character: Callable[[], Character]) -> EngineNames:
        """What people call the engines. The name of the mind depends on the persona that ``character`` returns."""
        model = self.models.for_calls_client
        return EngineNames(
            lambda: describe_model(settings, self.weights, model, character()),
            self.transcriber.describe,
            self.speech_server.health,
        )

    async def warm_up(
        self,
        character: Callable[[], Character],
        in_call: Callable[[], bool],
        clock: Callable[[], datetime],
        small_prompts: SmallPrompts,
    ) -> None:
        """Load all engines. An engine that fails is tried again until it is loaded.

        Args:
            character: returns the persona and mood for which the mind is warmed up.
            in_call: returns whether a call is running. If none is, the ears release their memory again.
            clock: returns the current time, for the prompt.
            small_prompts: the prompts of small models.
        """
        model = self.models.for_calls_client
        await warm_up_engines(
            {
                "ears": lambda: warm_transcriber(self.transcriber, in_call),
                "mind": lambda: warm_model(model, character(), clock, small_prompts),
                "voice": lambda: warm_speech_server(self.speech_server),
            }
        )


async def open_engines(
    settings: Settings,
    database: Database,
    corrections: Corrections,
    stack: AsyncExitStack,
    progress: Progress,
    meter: Meter = UNMETERED,
) -> Engines:
    """Open the engines: start the bot's own ones, and connect to the others. They are closed with the stack.

    Args:
        meter: counts how much the engines are used.

    Raises:
        ServiceError, RealWeightsMissingError: an engine could not be opened. The text says what to do.
    """
    weights = await asyncio.to_thread(choose_weights, settings)
    for notice in weights.notices:
        _log.warning("%s", notice)
    turn_policy = await asyncio.to_thread(load_turn_policy, weights.speech_detector)
    weights, models = await open_model_router(settings, weights, database, stack, progress, meter)
    token = settings.tts.token
    listed = [ServerAddress(url, token, paid=costs_money(url, token)) for url in settings.tts.listed]
    if not listed:
        url = await start_speech_server(settings, weights, stack, progress)
        variables = await asyncio.to_thread(engine_variables)
        paid = voice_costs_money(settings, variables.get("OPENAI_BASE_URL"))
        stand_in = not paid and bool(paid_fallbacks(settings, variables))
        better = paid_better_engine(settings, variables) is not None
        listed = [ServerAddress(url, token, own=True, paid=paid, paid_stand_in=stand_in, paid_better=better)]
    speech_at, *stand_ins = listed
    http = await stack.enter_async_context(aiohttp.ClientSession(headers=HEADERS))
    speech_server = SpeechServerClient(
        http, speech_at, stand_ins=stand_ins, meter=meter, guesses=settings.call.guesses is Guesses.ON
    )
    speech_server.begin_probes()
    stack.push_async_callback(speech_server.end_probes)
    transcriber = await make_transcriber(settings, weights, http, progress, corrections, meter)
    stack.push_async_callback(transcriber.close)
    return Engines(weights, models, transcriber, turn_policy, speech_server, http)
