"""Every mistake in the settings at once, before anything is started: the doctor and a start refuse the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from bot.features.image_generation.workflow import WorkflowError
from bot.llm.personas import PersonaError
from bot.operator_files import (
    OperatorFileError,
    ca_certificates,
    corrections,
    own_persona,
    picture_folder,
    prepare_folders,
    prepare_voices_folder,
    twin_persona,
    workflow,
)
from bot.voice.transcribe.corrections import CorrectionsError
from config.env_file import ENV_FILE, place, read_env_lines
from config.errors import Fault, SettingsError
from config.misspelt import faults_of_file
from config.program_settings import SECRETS, SECRETS_DIR
from config.pronunciations import read_pronunciations
from config.settings import Settings, missing_server
from config.speech_settings import ENGINE_VARIABLES, SpeechSettings
from wire.presets import read_presets

KNOWN = frozenset(
    {name.upper() for kind in (Settings, SpeechSettings) for name in kind.model_fields} | ENGINE_VARIABLES
)
_ALL_SECRETS = SECRETS | {name for name in ENGINE_VARIABLES if name.endswith("_KEY")}
_T = TypeVar("_T")
_ERRORS = (PersonaError, WorkflowError, CorrectionsError, OperatorFileError, SettingsError)
"""Each names the setting at the beginning of its text."""


def checked_settings() -> Settings:
    """The settings, of which none is wrong, here or at the bot's own speech server. Makes the bot's folders.

    Raises:
        SettingsError: a line for each mistake.
    """
    faults = faults_of_file(read_env_lines(ENV_FILE), KNOWN, _ALL_SECRETS, ENV_FILE)
    settings, wrong = Settings.survey()
    faults += wrong
    speech = None
    if settings.tts_websocket_url is None:
        # The profile's engine, unless the operator names one: that is looked at where it stands.
        overrides: dict[str, Any] = {} if settings.tts_engine else {"tts_engine": settings.voice_engine}
        speech, wrong = SpeechSettings.survey(**overrides)
        faults += wrong
    faults += _of_files(settings, speech)
    if not faults and (missing := missing_server(settings)) is not None:
        faults.append(place(missing, SECRETS_DIR))
    if faults:
        raise SettingsError(*faults)
    return settings


def _of_files(settings: Settings, speech: SpeechSettings | None) -> Iterator[Fault]:
    """What is wrong with the files and folders that the settings name."""
    looks: list[Callable[[Settings], object]] = [
        prepare_folders,
        own_persona,
        twin_persona,
        workflow,
        corrections,
        picture_folder,
        ca_certificates,
    ]
    for look in looks:
        yield from _fault(look, settings)
    if speech is not None:
        for look_at in (read_pronunciations, read_presets, prepare_voices_folder):
            yield from _fault(look_at, speech)


def _fault(look: Callable[[_T], object], settings: _T) -> Iterator[Fault]:
    try:
        look(settings)
    except _ERRORS as error:
        text = str(error)
        variable = text.partition(":")[0].partition("=")[0]
        yield place(Fault(text, (variable,) if variable in KNOWN else ()), SECRETS_DIR)
