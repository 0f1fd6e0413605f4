"""The doctor's checks of mind, ears and voice. They need nothing of Discord, so the page can run them too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import aiohttp
from pydantic import SecretStr

from bot.check_result import CheckResult
from bot.controls.words import ControlWords
from bot.doctor.speed import FAST_ENOUGH, busy_note_now, llm_speed, stt_speed, voice_finding
from bot.engine_warnings import TOY_STT, llm_warning
from bot.identity import HEADERS
from bot.llm.client import ModelClient
from bot.llm.errors import ModelError
from bot.llm.requests import ModelOptions
from bot.model_name import TOO_SMALL
from bot.models.named_llm import EmbeddedLlm
from bot.operator_files import prepare_folders, read_corrections
from bot.own_weights import OwnWeights
from bot.persona_models import wanted_model
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.plain_trial import try_plain_server
from bot.speech_server.protocol_hint import protocol_hint
from bot.speech_server.status import ServerHealth
from bot.speech_server_process import speech_server_options, try_speech_server
from bot.transcribers import make_transcriber
from bot.voice.transcribe.hallucinations import HallucinationFilter
from bot.voice.transcribe.transcriber import TranscriptionError
from bot.voice.turns.turns import load_turn_policy
from bot.voice.utterances.word_lists import load_word_lists
from bot.voices.introductions import load_introductions
from config.reasons import BrokenFileError
from config.server_lists import ListedServer
from config.settings import Settings

_LINES = "\n  "
"""Stands between the findings about several servers, so that each finding begins a line."""


async def check_model_server(settings: Settings, weights: OwnWeights) -> CheckResult:
    """Check that the model server answers and has the wanted model."""
    if settings.llm.call_url is None:
        if weights.llm is not None:
            return await _own_llm(weights.llm, await llm_warning(weights))
        return CheckResult("Model", None, await llm_warning(weights) or "no model server is set")
    asked_for = await asyncio.to_thread(wanted_model, settings)
    listed = ModelOptions.all(settings.llm)
    servers = listed or [ModelOptions.of(settings.llm, url) for url in settings.llm.servers.values()]
    found, ready = [], 0
    for number, server in enumerate(servers):
        # The servers that stand in have models of their own.
        options = server if number and listed else replace(server, model=asked_for)
        async with ModelClient(options) as model:
            report = await model.check()
            await model.learn_model_size()
            small = "" if model.size_of().takes_tools else f" It is {TOO_SMALL}."
        if report.problem and len(listed) < 2:
            return CheckResult("Model", False, report.problem)
        if report.problem:
            found.append(f"⚠️ {report.problem}")
            continue
        ready += 1
        choose = " ⚠️ Set LLM_MODEL to the one you want." if asked_for is None and len(report.models) > 1 else ""
        found.append(
            f"{options.server_name} answers; models: {', '.join(report.models) or 'not listed'}.{small}{choose}"
        )
    return CheckResult("Model", ready == len(servers) or (None if ready else False), _LINES.join(found))


async def _own_llm(llm: EmbeddedLlm, warning: str | None) -> CheckResult:
    served = f"{llm.name} in llama.cpp, inside the bot"
    try:
        served = f"{served}; {await llm_speed(llm)}"
    except (RuntimeError, OSError) as error:
        return CheckResult("Model", False, f"{llm.name} can't be loaded: {error}. Remedy: {llm.remedy}")
    except ModelError as error:
        return CheckResult("Model", False, f"{served}, can't hold a call. {error} Remedy: {llm.remedy}")
    return CheckResult("Model", FAST_ENOUGH in served or None, "\n  ".join(filter(None, (served, warning))))


async def check_ears(settings: Settings, weights: OwnWeights) -> CheckResult:
    """Check that speech can be transcribed. The bot's own Whisper transcribes a sound, and its speed is measured."""
    try:
        await asyncio.to_thread(_load_speech_files, settings, weights)
    except BrokenFileError as error:
        return CheckResult("Ears", False, str(error))
    device = settings.stt.device
    if device.startswith("cuda") and settings.stt.url is None:
        cards, wanted = await asyncio.to_thread(_cuda_gpus), int(device.partition(":")[2] or 0)
        if wanted >= cards:
            there = f"CUDA finds {cards or 'no'} cards here"
            return CheckResult("Ears", False, f"STT_DEVICE={device}, but {there}, so the processor is used")
    if weights.toy_stt:
        return CheckResult("Ears", None, TOY_STT)
    servers = settings.stt.listed
    if len(servers) < 2:
        return await _try_ears(settings, weights)
    each = [await _try_ears(_only(settings, server), weights) for server in servers]
    ready = sum(result.good is True for result in each)
    said = _LINES.join(result.text if result.good else f"⚠️ {result.text}" for result in each)
    return CheckResult("Ears", ready == len(each) or (None if ready else False), said)


def _only(settings: Settings, server: ListedServer) -> Settings:
    """The settings with this recogniser alone."""
    key = None if server.key is None else SecretStr(server.key)
    return settings.changed(stt_url=server.url, stt_model=server.model, stt_api_key=key)


async def _try_ears(settings: Settings, weights: OwnWeights) -> CheckResult:
    """Try one recogniser."""
    async with aiohttp.ClientSession(headers=HEADERS) as http:
        transcriber = await make_transcriber(settings, weights, http, lambda *_: None)
        try:
            await transcriber.warm_up()
            described = transcriber.describe()
            if settings.stt.url is None:
                described = f"{described}; {await stt_speed(transcriber)}"
        except TranscriptionError as error:
            return CheckResult("Ears", False, str(error))
        finally:
            await transcriber.close()
        return CheckResult("Ears", settings.stt.url is not None or FAST_ENOUGH in described or None, described)


def _load_speech_files(settings: Settings, weights: OwnWeights) -> None:
    read_corrections(settings)
    HallucinationFilter()
    load_turn_policy(weights.speech_detector)
    load_word_lists()
    ControlWords()


def _cuda_gpus() -> int:
    import ctranslate2  # Imported here, because it is large and only this function needs it.

    return int(ctranslate2.get_cuda_device_count())


async def check_voice(
    settings: Settings, weights: OwnWeights, environment: Mapping[str, str] = MappingProxyType({})
) -> CheckResult:
    """Check that the speech server answers. A server that the bot runs also speaks a sentence, and its speed is
    measured.

    Args:
        environment: variables of the bot's own speech server, in place of those in the environment and ``.env``.
    """
    try:
        await asyncio.to_thread(load_introductions)
    except BrokenFileError as error:
        return CheckResult("Voice", False, str(error))
    if settings.tts.websocket_url is None:
        try:
            await asyncio.to_thread(prepare_folders, settings)
        except OSError:
            return CheckResult("Voice", None, "not tried, because its folder for voices can't be used")
        options = speech_server_options(settings, weights)
        options = replace(options, environment={**environment, **options.environment})
        can_speak, line = await try_speech_server(options)
        return CheckResult("Voice", *voice_finding(can_speak, line, busy_note_now()))
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        address, *stand_ins = addresses = [ServerAddress(url, settings.tts.token) for url in settings.tts.listed]
        if address.plain:
            return CheckResult("Voice", *await try_plain_server(address))
        each = await SpeechServerClient(session, address, stand_ins=stand_ins).health_of_each()
    said = await asyncio.gather(
        *(_health_line(health, address, alone=not stand_ins) for health, address in zip(each, addresses, strict=True))
    )
    ready = sum(health.ok for health in each)
    return CheckResult("Voice", ready == len(each) or (None if ready else False), _LINES.join(said))


async def _health_line(health: ServerHealth, address: ServerAddress, *, alone: bool) -> str:
    hint = None if health.ok else await protocol_hint(address, alone=alone)
    return str(health) if hint is None else f"⚠️ {hint}"
