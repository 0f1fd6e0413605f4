"""The service behind the guided setup: it tests answers, and writes them to ``.env``.

A person's answers are changes of settings (:data:`~config.env_writing.Changes`). A test uses the settings as they
would be after these changes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bot.check_result import CheckResult
from bot.doctor.engines import check_ears, check_model_server, check_voice
from bot.doctor.speed import server_speed
from bot.llm.client import ModelClient
from bot.llm.errors import ModelError
from bot.llm.probe import ServerReport
from bot.llm.requests import ModelOptions
from bot.own_weights import OwnWeights, RealWeightsMissingError, choose_weights
from bot.setup.discord_account import DiscordAccount
from config.characters import check_secret
from config.env_file import ENV_FILE, read_env_values
from config.env_writing import Changes, Written, write_env
from config.errors import Fault, SettingsError
from config.place import how_to_start
from config.program_settings import SECRETS
from config.settings import Settings
from config.speech_settings import ENGINE_VARIABLES, ENGINES, SpeechSettings

TEST_LIMIT = 40.0
"""Seconds for the test of one topic."""
KEYS = frozenset(name for name in ENGINE_VARIABLES if name.endswith("_API_KEY"))
"""The keys of voices in the cloud."""
KEY_OF_ENGINE: Mapping[str, str] = MappingProxyType(
    {engine: f"{engine.upper()}_API_KEY" for engine in ENGINES if f"{engine.upper()}_API_KEY" in KEYS}
)
"""The setting that holds the key, for each engine that needs one."""
NAMES = frozenset(
    {
        "DISCORD_TOKEN",
        "PROMPT_CHANNEL",
        "PROFILE",
        "LLM_URL",
        "LLM_URL_NVIDIA",
        "LLM_URL_AMD",
        "LLM_MODEL",
        "LLM_API_KEY",
        "STT_LANGUAGE",
        "TTS_ENGINE",
        "TTS_WEBSOCKET_URL",
        "TTS_TOKEN",
        *KEYS,
    }
)
"""The settings that the setup may change."""
SECRET_NAMES = SECRETS & NAMES | KEYS
ONLY_TAKEN_OUT = frozenset({"LLM_URL_NVIDIA", "LLM_URL_AMD"})
"""Settings that the setup may take out, but not set. It takes them out if the person chooses another model here."""
KEYS_OF_SERVERS = (("LLM_URL", "LLM_API_KEY"), ("TTS_WEBSOCKET_URL", "TTS_TOKEN"))
"""Addresses, and the secrets that are sent there."""
MAX_VALUE = 2_000


class SetupTopic(StrEnum):
    """A group of answers that the setup tests together."""

    DISCORD = "discord"
    PROMPTS = "prompts"
    MIND = "mind"
    EARS = "ears"
    VOICE = "voice"


SUBJECTS: Mapping[SetupTopic, str] = {
    SetupTopic.DISCORD: "Discord",
    SetupTopic.PROMPTS: "Prompts",
    SetupTopic.MIND: "Model",
    SetupTopic.EARS: "Ears",
    SetupTopic.VOICE: "Voice",
}


@dataclass(frozen=True, slots=True)
class Tested:
    """The result of a test, and for a model server the models that it lists."""

    result: CheckResult
    models: tuple[str, ...] = ()


class SetupService:
    """Tests and writes answers.

    Args:
        file: the file of settings; relative to the folder in which the program was started.
    """

    def __init__(self, file: Path = ENV_FILE) -> None:
        self.file = file
        self._writing = asyncio.Lock()

    def current(self) -> dict[str, str]:
        """The values that ``.env`` has for the settings of the setup; raises :class:`~config.errors.SettingsError`."""
        values = {name.upper(): value for name, value in read_env_values(self.file).items()}
        return {name: values[name] for name in sorted(NAMES) if values.get(name, "").strip()}

    def faults(self, changes: Changes) -> list[Fault]:
        """What is wrong with these values themselves; raises :class:`~config.errors.SettingsError`."""
        if unknown := changes.keys() - NAMES:
            return [Fault(f"{name} is not a setting of the setup.") for name in sorted(unknown)]
        found = []
        for name, value in changes.items():
            if value is not None and name in ONLY_TAKEN_OUT:
                found.append(Fault(f"{name} can only be taken out here. Set LLM_URL.", (name,)))
            elif value is not None and len(value) > MAX_VALUE:
                found.append(Fault(f"{name} is longer than {MAX_VALUE:,} characters.", (name,)))
            elif value is not None and name in KEYS:
                try:
                    check_secret(value)
                except ValueError as error:
                    found.append(Fault(f"{name}: its value is not valid. {error}", (name,)))
        if found:
            return found
        _, faults = Settings.survey(**_overrides(changes, Settings.settings()))
        _, of_speech = SpeechSettings.survey(**_overrides(changes, SpeechSettings.settings()))
        return [fault for fault in (*faults, *of_speech) if changes.keys() & set(fault.variables)]

    async def test(self, part: SetupTopic, changes: Changes) -> Tested:
        """Test one part of the bot as it would be with these changes. Never raises because of them."""
        subject = SUBJECTS[part]
        try:
            if faults := await asyncio.to_thread(self.faults, changes):
                return Tested(CheckResult(subject, False, "\n".join(map(str, faults))))
            changes = await asyncio.to_thread(without_old_secrets, changes)
            settings, _ = await asyncio.to_thread(_survey, changes)
            async with asyncio.timeout(TEST_LIMIT):
                return await self._test(part, settings, changes)
        except TimeoutError:
            return Tested(CheckResult(subject, False, f"it was not done within {TEST_LIMIT:.0f} s"))
        except (SettingsError, OSError) as error:
            return Tested(CheckResult(subject, False, str(error)))

    async def _test(self, part: SetupTopic, settings: Settings, changes: Changes) -> Tested:
        token = settings.discord_token.get_secret_value() if settings.discord_token is not None else None
        match part:
            case SetupTopic.DISCORD if token is None:
                return Tested(CheckResult("Discord", None, "there is no token, so the bot is only in the browser"))
            case SetupTopic.DISCORD:
                return Tested(await DiscordAccount(settings, token or "").check())
            case SetupTopic.PROMPTS if settings.call.prompt_channel is None:
                return Tested(
                    CheckResult("Prompts", True, "prompts are typed in the channel in which the call is asked for")
                )
            case SetupTopic.PROMPTS if token is None:
                return Tested(CheckResult("Prompts", None, "there is no token, so nobody can look for the channel"))
            case SetupTopic.PROMPTS:
                wanted = settings.call.prompt_channel or ""
                return Tested(await DiscordAccount(settings, token or "").check_channel(wanted))
            case SetupTopic.MIND:
                return await _test_mind(settings)
            case SetupTopic.EARS:
                return Tested(await check_ears(settings, await _weights(settings)))
            case SetupTopic.VOICE:
                # The speech server reads .env itself. These variables override it.
                given = {name: value or "" for name, value in changes.items()}
                return Tested(await check_voice(settings, await _weights(settings), given))

    async def write(self, changes: Changes) -> Written:
        """Write the changes to ``.env``.

        Raises:
            SettingsError: a value is not valid, or the file can't be read.
            EnvWriteError: the file can't be written. It is as before.
        """
        async with self._writing:
            if faults := await asyncio.to_thread(self.faults, changes):
                raise SettingsError(*faults)
            changes = await asyncio.to_thread(without_old_secrets, changes)
            return await asyncio.to_thread(write_env, self.file, changes)

    async def notes(self, changes: Changes) -> list[str]:
        """Why a start with ``.env`` would fail now, and why a change in it has no effect.

        Weights that are missing or damaged are named too.
        """
        found = [
            f"{name} is also set in the environment, which overrides .env. Remove it from the environment."
            for name in sorted(changes)
            if os.environ.get(name, "").strip()
        ]
        try:
            settings = await asyncio.to_thread(_checked_settings)
            weights = await asyncio.to_thread(choose_weights, settings)
        except SettingsError as error:
            return [*found, *(f"Correct this before the next start: {fault}" for fault in error.faults)]
        except (RealWeightsMissingError, OSError) as error:
            return [*found, str(error)]
        return [*found, *weights.notices]


def needs_key(server: ServerReport) -> bool:
    """Whether a key is needed before the server says which models it has."""
    return server.problem is not None and "LLM_API_KEY" in server.problem


async def look_at_server(changes: Changes) -> ServerReport:
    """Ask a model server which models it has. ``LLM_MODEL`` is not used."""
    changes = await asyncio.to_thread(without_old_secrets, {**changes, "LLM_MODEL": None})
    settings, _ = await asyncio.to_thread(_survey, changes)
    if settings.llm.call_url is None:
        return ServerReport(False, problem="no model server is set")
    async with ModelClient(ModelOptions.of(settings.llm, settings.llm.call_url)) as client:
        return await client.check()


def without_old_secrets(changes: Changes) -> dict[str, str | None]:
    """Return the changes. If they change a server's address but not its secret, the secret is taken out too.

    So the secret of an old server is never sent to a new one. Reads the settings.
    """
    before, _ = Settings.survey()
    after, _ = _survey(changes)
    found = dict(changes)
    urls = (
        ((before.llm.servers, before.llm.url), (after.llm.servers, after.llm.url)),
        (before.tts.websocket_url, after.tts.websocket_url),
    )
    for (url, secret), (old, new) in zip(KEYS_OF_SERVERS, urls, strict=True):
        if url in changes and old != new and secret not in changes and before.values()[secret.lower()] is not None:
            found[secret] = None
    return found


def changes_for_mind(
    current: Mapping[str, str], *, url: str | None = None, model: str | None = None, key: str | None = None
) -> dict[str, str | None]:
    """The changes that choose the language model.

    It is a model server (``url``), a model that the bot serves itself (only ``model``), or its small model (neither).
    """
    changes: dict[str, str | None] = {"LLM_URL": url, "LLM_MODEL": model}
    if url is None:
        changes |= {name: None for name in ONLY_TAKEN_OUT if name in current}
        profile = current.get("PROFILE", "embedded")
        if profile == "api" or (model is None and profile != "embedded"):
            changes["PROFILE"] = None
    if key is not None:
        changes["LLM_API_KEY"] = key
    return changes


def shown_lines(changes: Changes, line: Callable[[str, str], str]) -> list[str]:
    """The lines for people to read. Secrets are hidden, and a setting that is taken out is a comment."""
    return [
        f"# {name} is taken out" if value is None else line(name, value) if name not in SECRET_NAMES else f"{name}=…"
        for name, value in changes.items()
    ]


def how_to_restart() -> str:
    """How the new settings take effect."""
    return f"{how_to_start()} If the bot is running already, end it first."


def _checked_settings() -> Settings:
    # This imports the features, and they import discord.py, which calls in the browser don't need.
    from bot.settings_check import checked_settings

    return checked_settings()


def _survey(changes: Changes) -> tuple[Settings, tuple[Fault, ...]]:
    return Settings.survey(**_overrides(changes, Settings.settings()))


def _overrides(changes: Changes, known: Mapping[str, object]) -> dict[str, Any]:
    """The changes as overrides of settings. An empty one means "not set", and wins over all other sources."""
    return {name.lower(): value or "" for name, value in changes.items() if name.lower() in known}


async def _weights(settings: Settings) -> OwnWeights:
    try:
        return await asyncio.to_thread(choose_weights, settings)
    except RealWeightsMissingError as error:
        raise OSError(str(error)) from error


async def _test_mind(settings: Settings) -> Tested:
    url = settings.llm.call_url
    weights = await _weights(settings) if url is None else OwnWeights()
    if url is None:
        notices = [notice for notice in weights.notices if notice.startswith("LLM_MODEL")]
        if notices:
            return Tested(CheckResult("Model", False, "\n".join(notices)))
        return Tested(await check_model_server(settings, weights))
    options = ModelOptions.of(settings.llm, url)
    async with ModelClient(options) as client:
        report = await client.check()
    if report.problem is not None:
        return Tested(CheckResult("Model", False, report.problem), report.models)
    found = await check_model_server(settings, weights)
    if found.good is False:
        return Tested(found, report.models)
    try:
        speed = await server_speed(options)
    except ModelError as error:
        return Tested(CheckResult("Model", False, str(error)), report.models)
    good = None if "slow" in speed or "⚠️" in found.text else found.good
    return Tested(CheckResult("Model", good, f"{found.text.rstrip('.')}; {speed}"), report.models)
