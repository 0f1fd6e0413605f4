"""``python -m bot doctor``: checks all parts, and says what is wrong and how to fix it."""

from __future__ import annotations

import asyncio
import json
import platform
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from types import MappingProxyType

import aiohttp
import discord
from rich.console import Console

from audio.opus import OpusMissing, load_opus
from bot import feature_set
from bot.check_result import CheckResult
from bot.client import connector, use_api
from bot.database.check import check_database
from bot.database.schema import FILE
from bot.discord_errors import discord_error_text
from bot.doctor_personas import check_personas, wanted_model
from bot.doctor_speed import FAST_ENOUGH, busy_note_now, llm_speed, stt_speed, voice_finding
from bot.doctor_weights import examine_weights
from bot.engine_warnings import TOY_STT, llm_warning
from bot.first_start import explain_login_failure
from bot.identity import HEADERS
from bot.llm.client import ModelClient
from bot.llm.requests import ModelOptions
from bot.llm.small_model import load_small_prompts
from bot.models.named_llm import EmbeddedLlm
from bot.operator_files import own_persona, prepare_folders, read_corrections
from bot.own_weights import OwnWeights
from bot.settings_check import setting_notices
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import SpeechServerClient
from bot.speech_server_process import speech_server_options, try_speech_server
from bot.transcribers import make_transcriber
from bot.voice.discord.client import check_discord_version
from bot.voice.discord.permissions import invite_link
from bot.voice.transcribe.hallucinations import HallucinationFilter
from bot.voice.transcribe.transcriber import TranscriptionError
from bot.voice.tts.moods import load_moods
from bot.voice.turns.turns import load_turn_policy
from bot.voice.utterances.word_lists import load_word_lists
from bot.voices.introductions import load_introductions
from config.env_file import ENV_FILE
from config.place import demo_command, in_container
from config.reasons import BrokenFileError
from config.settings import Settings

_STYLES = MappingProxyType({True: "green", False: "red", None: "yellow"})


async def run_doctor(settings: Settings, console: Console) -> int:
    """Run all checks and print each result immediately. Returns 0 if nothing is wrong, otherwise 1."""
    wrong = 0
    async for result in _examine(settings):
        console.print(result.mark, style=_STYLES[result.good], end=" ")
        console.print(f"{result.subject}: {result.text}", markup=False, highlight=False, soft_wrap=True)
        wrong += result.good is False
    console.print("All is well." if not wrong else f"{wrong} thing{'s' if wrong > 1 else ''} to fix.", style="bold")
    return 1 if wrong else 0


async def run_doctor_json(settings: Settings) -> int:
    """Run all checks and print one JSON object. Returns 0 if nothing is wrong, otherwise 1."""
    results = [result async for result in _examine(settings)]
    good = all(result.good is not False for result in results)
    print(json.dumps({"good": good, "findings": [asdict(result) for result in results]}))  # noqa: T201
    return 0 if good else 1


async def _examine(settings: Settings) -> AsyncIterator[CheckResult]:
    found, weights = await examine_weights(settings)

    async def own_weights(_: Settings) -> CheckResult:
        return found

    checks: tuple[Callable[[Settings], Awaitable[CheckResult]], ...] = (
        _python,
        _settings,
        _discord_library,
        _opus,
        _folders,
        _database,
        _persona,
        check_personas,
        own_weights,
        partial(check_model_server, weights=weights),
        partial(check_ears, weights=weights),
        partial(check_voice, weights=weights),
        *(builder.check for builder in feature_set.FEATURES if builder.check is not None),
        _token,
    )
    for check in checks:
        yield await check(settings)


async def _python(_: Settings) -> CheckResult:
    version = platform.python_version_tuple()[:2]
    return CheckResult(
        "Python", version in (("3", "11"), ("3", "12")), f"{platform.python_version()} (3.11 and 3.12 are supported)"
    )


async def _settings(settings: Settings) -> CheckResult:
    found = setting_notices(settings)
    return CheckResult("Settings", None if found else True, "\n  ".join(found) or _env_file_text())


def _env_file_text() -> str:
    if ENV_FILE.exists():
        return "every name in .env is a setting"
    if in_container():
        return "they come from the container's environment, and no name in it looks like a misspelt setting"
    return "there is no .env in this folder, so everything is at its default: cp .env.example .env"


async def _discord_library(_: Settings) -> CheckResult:
    try:
        check_discord_version()
    except RuntimeError as error:
        return CheckResult("discord.py", False, str(error))
    return CheckResult("discord.py", True, discord.__version__)


async def _opus(_: Settings) -> CheckResult:
    try:
        load_opus()
    except OpusMissing as error:
        return CheckResult("Opus", False, str(error))
    return CheckResult("Opus", True, "loaded")


async def _folders(settings: Settings) -> CheckResult:
    try:
        await asyncio.to_thread(prepare_folders, settings)
    except OSError as error:
        return CheckResult("Folders", False, str(error))
    return CheckResult("Folders", True, f"{settings.data_dir} can be written to")


async def _database(settings: Settings) -> CheckResult:
    return await asyncio.to_thread(check_database, settings.data_dir / FILE)


async def _persona(settings: Settings) -> CheckResult:
    try:
        persona = await asyncio.to_thread(own_persona, settings)
        await asyncio.to_thread(load_moods)
        await asyncio.to_thread(load_small_prompts)
    except BrokenFileError as error:
        return CheckResult("Persona", False, str(error))
    return CheckResult("Persona", True, persona.name)


async def check_model_server(settings: Settings, weights: OwnWeights) -> CheckResult:
    """Check that the model server answers and has the wanted model."""
    if settings.llm.call_url is None:
        if weights.llm is not None:
            return await _own_llm(weights.llm, await llm_warning(weights))
        return CheckResult("Model", None, await llm_warning(weights) or "no model server is set")
    asked_for = await asyncio.to_thread(wanted_model, settings)
    found = []
    for url in settings.llm.servers.values():
        options = replace(ModelOptions.of(settings.llm, url), model=asked_for)
        async with ModelClient(options) as model:
            report = await model.check()
        if report.problem:
            return CheckResult("Model", False, report.problem)
        choose = " ⚠️ Set LLM_MODEL to the one you want." if asked_for is None and len(report.models) > 1 else ""
        found.append(f"{options.server_name} answers; models: {', '.join(report.models) or 'not listed'}.{choose}")
    return CheckResult("Model", True, "; ".join(found))


async def _own_llm(llm: EmbeddedLlm, warning: str | None) -> CheckResult:
    served = f"{llm.name} in llama.cpp, inside the bot"
    try:
        served = f"{served}; {await llm_speed(llm)}"
    except (RuntimeError, OSError) as error:
        return CheckResult("Model", False, f"{llm.name} can't be loaded: {error}. Remedy: {llm.remedy}")
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


def _cuda_gpus() -> int:
    import ctranslate2  # Imported here, because it is large and only this function needs it.

    return int(ctranslate2.get_cuda_device_count())


async def check_voice(
    settings: Settings, weights: OwnWeights, environment: Mapping[str, str] = MappingProxyType({})
) -> CheckResult:
    """Check that the speech server answers. If the bot runs it, it speaks a sentence, and its speed is measured.

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
        address = ServerAddress(str(settings.tts.websocket_url), settings.tts.token)
        health = await SpeechServerClient(session, address).health()
    return CheckResult("Voice", health.ok, str(health))


async def _token(settings: Settings) -> CheckResult:
    if settings.discord_token is None:
        return CheckResult("Discord", None, f"DISCORD_TOKEN is not set; `{demo_command()}` shows the demonstration")
    try:
        if settings.discord_api_url is not None:
            await use_api(str(settings.discord_api_url))
        tcp = connector(settings.discord_ca_file)
    except OSError as error:
        return CheckResult("Discord", False, str(error))
    async with discord.Client(intents=discord.Intents.none(), connector=tcp) as client:
        try:
            await client.login(settings.discord_token.get_secret_value())
            information = await client.application_info()
        except (discord.DiscordException, OSError) as error:
            return CheckResult(
                "Discord",
                False,
                explain_login_failure(error) or f"Discord can't be asked: {discord_error_text(error)}",
            )
    if not information.flags.gateway_message_content and not information.flags.gateway_message_content_limited:
        return CheckResult("Discord", False, explain_login_failure(discord.PrivilegedIntentsRequired(None)) or "")
    return CheckResult("Discord", True, f"{information.name}; invite link: {invite_link(information.id)}")
