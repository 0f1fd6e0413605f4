"""Reads and checks the files and folders that settings name, for the start and for the doctor.

Each error names its setting.
"""

from __future__ import annotations

import errno
import os
import ssl
import tempfile
from pathlib import Path

from bot.llm.personas import PERSONAS_DIR, Persona, PersonaError, load_persona
from bot.voice.transcribe.corrections import Corrections
from config.reasons import FULL_DISK, reason
from config.settings import Settings
from config.speech_settings import DEFAULT_VOICES_DIR, SpeechSettings

CORRECTIONS_FILE = "corrections.yaml"
"""The name of the file of corrections in ``DATA_DIR``, where ``STT_CORRECTIONS`` names no other."""
_PRIVATE = 0o700
_ROOM = 65_536
"""Number of bytes that are written to a folder as a test. If they do not fit, the folder can't be used."""


class OperatorFileError(OSError):
    """A file or folder that a setting names can't be used. The text names the setting."""


def prepare_folders(settings: Settings) -> None:
    """Create the folders that the bot writes to, and check that it can write there.

    Raises:
        OperatorFileError: a folder can't be created, or can't be written to.
    """
    prepare_data_folder(settings)
    prepare_cache_folder(settings)


def prepare_data_folder(settings: Settings) -> None:
    """Create the folder ``DATA_DIR``, and check that it can be written to; raises :class:`OperatorFileError`."""
    _prepare("DATA_DIR", settings.data_dir)


def prepare_cache_folder(settings: Settings) -> None:
    """Create the folder ``CACHE_DIR`` if the bot writes to it, and check that it can be written to.

    Raises:
        OperatorFileError: the folder can't be created, or can't be written to.
    """
    if settings.runs_llm or settings.runs_default_stt:
        _prepare("CACHE_DIR", settings.cache_dir)


def read_persona(variable: str, name: str) -> Persona:
    """The persona ``name`` that the setting ``variable`` names; raises :class:`~bot.llm.personas.PersonaError`."""
    try:
        return load_persona(name, PERSONAS_DIR)
    except PersonaError as error:
        raise PersonaError(f"{variable}: {error}") from error


def own_persona(settings: Settings) -> Persona:
    """The persona that the setting ``PERSONA`` names; raises :class:`~bot.llm.personas.PersonaError`."""
    return read_persona("PERSONA", settings.persona)


def phone_persona(settings: Settings) -> Persona | None:
    """The persona that ``PHONE_PERSONA`` names, if any; raises :class:`~bot.llm.personas.PersonaError`."""
    return None if settings.phone.persona is None else read_persona("PHONE_PERSONA", settings.phone.persona)


def persona_name(settings: Settings) -> str:
    """The bot's name for the console. If its persona can't be used, this is the value of ``PERSONA``."""
    try:
        return own_persona(settings).name
    except PersonaError:
        return settings.persona


def other_personas(settings: Settings) -> dict[str, Persona]:
    """All personas but the bot's and ``BIPOLAR_TWIN``, by file name; raises :class:`~bot.llm.personas.PersonaError`."""
    files = sorted(path.stem for path in PERSONAS_DIR.glob("*.yaml"))
    looked_at_elsewhere = (settings.persona, settings.bipolar.twin)
    return {file: load_persona(file, PERSONAS_DIR) for file in files if file not in looked_at_elsewhere}


def corrections_file(settings: Settings) -> Path:
    """The file of corrections of transcripts: the one of ``STT_CORRECTIONS``, or one in ``DATA_DIR``."""
    return settings.stt.corrections or settings.data_dir / CORRECTIONS_FILE


def read_corrections(settings: Settings) -> Corrections:
    """The corrections of transcripts. The file in ``DATA_DIR`` may be missing.

    Raises:
        CorrectionsError: the file can't be used. The text names the setting.
    """
    file = corrections_file(settings)
    return Corrections.read(file) if settings.stt.corrections or file.exists() else Corrections()


def trust(context: ssl.SSLContext, ca_file: Path | None) -> None:
    """Make a TLS context trust the certificate authority in ``ca_file`` too; raises :class:`OperatorFileError`."""
    if ca_file is None:
        return
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise OperatorFileError(f"DISCORD_CA_FILE={ca_file} can't be used: it is not a certificate in PEM") from error
    except OSError as error:
        raise OperatorFileError(f"DISCORD_CA_FILE={ca_file} can't be read: {reason(error)}") from error


def check_ca_file(settings: Settings) -> None:
    """Check that ``DISCORD_CA_FILE`` can be used; raises :class:`OperatorFileError`."""
    trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), settings.discord_ca_file)


def prepare_voices_folder(speech: SpeechSettings) -> None:
    """Create the folder of cloned voices if ``TTS_VOICES_DIR`` is set; raises :class:`OperatorFileError`."""
    if speech.tts_voices_dir != DEFAULT_VOICES_DIR:
        _prepare("TTS_VOICES_DIR", speech.tts_voices_dir)


def _prepare(variable: str, folder: Path) -> None:
    try:
        folder.mkdir(_PRIVATE, parents=True, exist_ok=True)
        # On a full disk, files can be created but not written.
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(bytes(_ROOM))
    except OSError as error:
        full = error.errno in FULL_DISK
        remedy = "Make room, or choose another folder." if full else "Choose a folder that you can write to."
        raise OperatorFileError(f"{variable}={folder} can't be written to: {_why(folder, error)}. {remedy}") from error


def _why(folder: Path, error: OSError) -> str:
    """The reason. If the folder could not be created, the text names the nearest folder above it that exists."""
    if os.path.lexists(folder) or error.errno == errno.ENOTDIR:
        return reason(error)
    parent = next(each for each in folder.absolute().parents if _is_reached(each))
    if error.errno == errno.ENOENT:
        # The kernel's own file systems say this to whoever wants to create something in them.
        return f"it can't be created, because {parent} takes no new folders"
    return f"it can't be created in {parent}: {reason(error)}"


def _is_reached(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:
        return False


def voices_folder(settings: Settings, speech: SpeechSettings) -> Path:
    """The folder of cloned voices: in ``DATA_DIR``, unless ``TTS_VOICES_DIR`` names another folder."""
    usual = speech.tts_voices_dir == DEFAULT_VOICES_DIR
    return settings.data_dir / "voices" if usual else speech.tts_voices_dir
