"""Checks all settings, before a start and for the doctor, and reports all mistakes together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from bot import feature_set
from bot.knowledge.following import FolderError, check_folder
from bot.llm.personas import PersonaError
from bot.models.catalogue import CatalogueError, load_catalogue
from bot.models.named_llm import NoSuchLlmError, named_llm
from bot.models.needs import recognises_speech
from bot.models.outside import WHISPERS, voice_weights
from bot.music.folders import folder_notices
from bot.operator_files import (
    OperatorFileError,
    check_ca_file,
    own_persona,
    phone_persona,
    prepare_cache_folder,
    prepare_data_folder,
    prepare_voices_folder,
    read_corrections,
)
from bot.paid_servers import limit_notices
from bot.tools.tools_file import ToolsFileError, read_tools_file
from bot.voice.transcribe.corrections import CorrectionsError
from config.addresses import only_this_machine_can_connect
from config.env_file import ENV_FILE, read_env_lines, with_place
from config.errors import Fault, SettingsError, shown
from config.examples import EXAMPLES
from config.misspelt import faults_of_file, foreign_names, unknown_names
from config.phone_sections import EVERYONE
from config.place import in_container
from config.program_settings import SECRETS, SECRETS_DIR
from config.pronunciations import read_pronunciations
from config.settings import Profile, Settings, missing_server
from config.speech_settings import ENGINE_VARIABLES, EngineName, SpeechSettings, engine_variables
from config.spelling import nearest
from wire.presets import read_presets

KNOWN = frozenset({name.upper() for kind in (Settings, SpeechSettings) for name in kind.settings()} | ENGINE_VARIABLES)
_ALL_SECRETS = SECRETS | {name for name in ENGINE_VARIABLES if name.endswith("_KEY")}
_T = TypeVar("_T")
_ERRORS = (PersonaError, CorrectionsError, OperatorFileError, SettingsError)
"""Errors whose text begins with the name of the setting."""


def checked_settings() -> Settings:
    """The checked settings. Settings of the bot's own speech server are checked too. Creates the bot's folders.

    Raises:
        SettingsError: there are mistakes. The error has one line for each.
    """
    faults = faults_of_file(read_env_lines(ENV_FILE), KNOWN, _ALL_SECRETS, ENV_FILE)
    settings, wrong = Settings.survey()
    faults += wrong
    speech = None
    if settings.tts.websocket_url is None:
        # The engine comes from the profile, unless TTS_ENGINE is set. Then `SpeechSettings` reads TTS_ENGINE itself,
        # and names its line if the value is wrong.
        overrides: dict[str, Any] = {} if settings.tts.engine else {"tts_engine": settings.voice_engine}
        speech, wrong = SpeechSettings.survey(**overrides)
        faults += wrong
    faults += _file_mistakes(settings, speech)
    faults += _recogniser_mistakes(settings)
    if speech is not None:
        faults += _voice_mistakes(settings, speech)
    if not faults and (missing := missing_server(settings) or _missing_llm(settings)) is not None:
        faults.append(with_place(missing, SECRETS_DIR))
    if faults:
        raise SettingsError(*faults)
    return settings


def _missing_llm(settings: Settings) -> Fault | None:
    """The mistake in the name of the model that the bot serves itself, if the profile has no model to replace it."""
    if settings.profile is Profile.EMBEDDED:
        return None
    try:
        named_llm(settings, load_catalogue())
    except (NoSuchLlmError, CatalogueError) as error:
        return Fault(str(error), ("LLM_MODEL",))
    return None


def _recogniser_mistakes(settings: Settings) -> Iterator[Fault]:
    """The mistake in ``STT_MODEL`` if it names no known Whisper model. With a server, any name is allowed."""
    asked = settings.stt.model
    if asked is None or settings.stt.url is not None or "/" in asked or Path(asked).is_dir():
        return
    try:
        models = load_catalogue().models
    except CatalogueError:
        return
    known = {*WHISPERS, *(name for name, model in models.items() if recognises_speech(model))}
    if asked not in known:
        near = nearest(asked, sorted(known))
        example = f"It must be a Whisper model's name or its folder, for example STT_MODEL={EXAMPLES['STT_MODEL']}"
        meant = f"Did you mean {near}?" if near else example
        yield with_place(Fault(f"STT_MODEL: {shown(asked)} is not valid. {meant}", ("STT_MODEL",)), SECRETS_DIR)


def _voice_mistakes(settings: Settings, speech: SpeechSettings) -> Iterator[Fault]:
    """The mistakes in ``PIPER_MODEL`` and ``KOKORO_MODEL``. Each is checked if its engine, or no engine, is chosen.

    Missing weights of another engine, or of a stand-in, are only a warning (:mod:`bot.missing_parts`).
    """
    checked = [
        variable
        for engine, variable in ((EngineName.PIPER, "PIPER_MODEL"), (EngineName.KOKORO, "KOKORO_MODEL"))
        if settings.runs_default_tts or settings.voice_engine == engine
    ]
    if not checked:
        return
    try:
        catalogue = load_catalogue()
    except CatalogueError:
        return
    for weights in voice_weights(catalogue, settings, speech):
        variable = weights.setting.partition("=")[0]
        if weights.place is None and variable in checked:
            yield with_place(Fault(weights.fault, (variable,)), SECRETS_DIR)


def _file_mistakes(settings: Settings, speech: SpeechSettings | None) -> Iterator[Fault]:
    """The mistakes in files and folders that the settings name."""
    looks: list[Callable[[Settings], object]] = [
        prepare_data_folder,
        prepare_cache_folder,
        own_persona,
        phone_persona,
        *(builder.read for builder in feature_set.FEATURES if builder.read is not None),
        read_corrections,
        check_ca_file,
    ]
    for look in looks:
        yield from _fault(look, settings)
    yield from _tools_mistakes(settings)
    if speech is not None:
        for look_at in (read_pronunciations, read_presets, prepare_voices_folder):
            yield from _fault(look_at, speech)


def _tools_mistakes(settings: Settings) -> Iterator[Fault]:
    """The mistakes in the file of tools. Each is a fault of its own."""
    try:
        read_tools_file(settings.tools_file)
    except ToolsFileError as error:
        for number, text in enumerate(error.faults):
            placed = with_place(Fault(text, ("TOOLS_FILE",)), SECRETS_DIR)
            # Of several faults of one setting, only the first would be reported.
            yield placed if number == 0 else replace(placed, variables=())


def _fault(look: Callable[[_T], object], settings: _T) -> Iterator[Fault]:
    try:
        look(settings)
    except _ERRORS as error:
        text = str(error)
        variable = text.partition(":")[0].partition("=")[0]
        yield with_place(Fault(text, (variable,) if variable in KNOWN else ()), SECRETS_DIR)


def setting_notices(settings: Settings) -> list[str]:
    """Warnings about probable mistakes, which do not prevent a start. Raises :class:`~config.errors.SettingsError`."""
    found = [*foreign_names(read_env_lines(ENV_FILE), KNOWN, ENV_FILE), *unknown_names(os.environ, KNOWN)]
    if settings.command_prefix == "/":
        found.append(
            "COMMAND_PREFIX=/ clashes with Discord, which keeps what begins with / for slash commands. Those work "
            "with any prefix: leave COMMAND_PREFIX at !, or choose another sign."
        )
    if settings.llm.url is not None:
        urls = {"LLM_URL_NVIDIA": settings.llm.url_nvidia, "LLM_URL_AMD": settings.llm.url_amd}
        unused = [name for name, url in urls.items() if url is not None]
        found += [f"{name} is not used, because LLM_URL is set." for name in unused]
    found += settings.list_notices()
    limits = limit_notices(settings, engine_variables())
    return [*found, *_knowledge_notices(settings), *folder_notices(settings), *_phone_notices(settings), *limits]


def _knowledge_notices(settings: Settings) -> Iterator[str]:
    """Why the folder of knowledge can't be read. It may come later, so this does not prevent a start."""
    if settings.knowledge_dir is not None:
        try:
            check_folder(settings.knowledge_dir)
        except FolderError as error:
            yield f"{error}. Until that is mended, no new file is read."


def _phone_notices(settings: Settings) -> Iterator[str]:
    """What is probably wrong with the settings of the telephone."""
    phone, twilio, sip = settings.phone, settings.twilio, settings.sip
    if twilio.auth_token is not None and phone.public_url is None:
        yield "TWILIO_AUTH_TOKEN is not used, because PHONE_PUBLIC_URL is not set."
    if phone.public_url is not None and twilio.auth_token is None:
        yield "PHONE_PUBLIC_URL is not used, because TWILIO_AUTH_TOKEN is not set."
    if settings.takes_twilio and (phone.public_url or "").startswith("http:"):
        yield (
            "PHONE_PUBLIC_URL begins with http://, but Twilio sends the sound of a phone call only over https (wss). "
            "Phone calls would end at once."
        )
    if sip.registrar is not None and sip.user is None:
        yield "SIP_REGISTRAR is set, but SIP_USER is not: the PBX will not let the bot register."
    elif sip.registrar is not None and sip.password is None:
        yield "SIP_REGISTRAR is set, but SIP_PASSWORD is not: most PBXs will not let the bot register."
    if sip.registrar is None:
        unused = [name for name, value in (("SIP_USER", sip.user), ("SIP_PASSWORD", sip.password)) if value is not None]
        if unused:
            verb = "is" if len(unused) == 1 else "are"
            yield f"{' and '.join(unused)} {verb} not used, because SIP_REGISTRAR is not set."
    if sip.on and sip.external_address is None and in_container():
        yield (
            "SIP_EXTERNAL_ADDRESS is not set, so callers are told the container's own address, at which nobody outside "
            "reaches it. compose.sip.yml sets up what SIP needs."
        )
    if sip.external_address is not None and not sip.on:
        yield "SIP_EXTERNAL_ADDRESS is not used, because neither SIP_REGISTRAR nor SIP_BIND is set."
    if not (settings.takes_twilio or sip.on):
        if phone.allow:
            yield "PHONE_ALLOW is not used, because the telephone is off: neither Twilio nor SIP is set up."
        return
    if not phone.allow:
        yield f"Nobody may call, because PHONE_ALLOW is empty. For example: PHONE_ALLOW={EXAMPLES['PHONE_ALLOW']}"
    direct = sip.on and sip.registrar is None and not only_this_machine_can_connect(sip.bind)
    if direct and phone.allow and EVERYONE not in phone.allow and phone.pin is None:
        yield (
            f"SIP_BIND={sip.bind} lets other machines call the bot directly. They can give any number as theirs, also "
            "one of PHONE_ALLOW. Set PHONE_PIN, so that only people who know it are talked with."
        )
    if EVERYONE in phone.allow and phone.pin is None:
        yield "PHONE_ALLOW=* lets everyone call who knows the number. Set PHONE_PIN, so that only some are talked with."
