"""``python -m bot doctor``: checks all parts, and says what is wrong and how to fix it."""

from __future__ import annotations

import asyncio
import json
import platform
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from functools import partial
from types import MappingProxyType

import discord
from rich.console import Console

from audio.opus import OpusMissing, load_opus
from bot import feature_set
from bot.check_result import CheckResult
from bot.client import connector, use_api
from bot.database.check import check_database
from bot.database.schema import FILE
from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.doctor.autojoin import check_autojoin
from bot.doctor.calls import check_calls
from bot.doctor.engines import check_ears, check_model_server, check_voice
from bot.doctor.knowledge import check_knowledge
from bot.doctor.limits import check_limits
from bot.doctor.music import check_music, check_sounds
from bot.doctor.personas import check_personas, missing_ambience
from bot.doctor.telephone import check_telephone
from bot.doctor.tools import check_search, check_tools
from bot.doctor.weights import examine_weights
from bot.first_start import explain_login_failure
from bot.llm.small_model import load_small_prompts
from bot.operator_files import own_persona, prepare_folders
from bot.settings_check import setting_notices
from bot.voice.discord.client import check_discord_version
from bot.voice.discord.permissions import invite_link
from bot.voice.tts.moods import load_moods
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

    # First what keeps the bot from starting, then what keeps it from talking, and then what it can do without. The page
    # keeps this order among what is wrong, and among notes.
    checks: tuple[Callable[[Settings], Awaitable[CheckResult]], ...] = (
        _python,
        _settings,
        _discord_library,
        _opus,
        _folders,
        _database,
        _persona,
        _token,
        own_weights,
        partial(check_model_server, weights=weights),
        partial(check_ears, weights=weights),
        partial(check_voice, weights=weights),
        check_calls,
        check_personas,
        check_tools,
        check_search,
        check_knowledge,
        check_autojoin,
        check_music,
        check_sounds,
        check_telephone,
        check_limits,
        *(builder.check for builder in feature_set.FEATURES if builder.check is not None),
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
    problem = await asyncio.to_thread(missing_ambience, settings, persona)
    return CheckResult("Persona", problem is None, problem or persona.name)


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
        except DISCORD_ERRORS as error:
            return CheckResult(
                "Discord",
                False,
                explain_login_failure(error) or f"Discord can't be asked: {discord_error_text(error)}",
            )
    if not information.flags.gateway_message_content and not information.flags.gateway_message_content_limited:
        return CheckResult("Discord", False, explain_login_failure(discord.PrivilegedIntentsRequired(None)) or "")
    return CheckResult("Discord", True, f"{information.name}; invite link: {invite_link(information.id)}")
