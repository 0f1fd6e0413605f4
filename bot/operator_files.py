"""What the settings name on the disk, read and checked: by a start and by the doctor alike.

Each error names its variable.
"""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from bot.llm.personas import PERSONAS_DIR, Persona, PersonaError, load_persona
from bot.voice.transcribe.corrections import Corrections
from config.reasons import FULL_DISK, reason
from config.settings import Settings
from config.speech_settings import USUAL_VOICES_DIR, SpeechSettings

_OWN_EYES = 0o700
_ROOM = 65_536
"""Bytes that a folder must have room for; a bot needs a few times as many by itself."""


class OperatorFileError(OSError):
    """A file or folder that a setting names can't be used; the text names the setting."""


def prepare_folders(settings: Settings) -> None:
    """Make the folders that the bot writes to, and see that it may.

    Raises:
        OperatorFileError: one of them can't be made, or can't be written to.
    """
    _prepare("DATA_DIR", settings.data_dir)
    if settings.runs_llm or settings.runs_default_stt:
        _prepare("CACHE_DIR", settings.cache_dir)


def read_persona(variable: str, name: str) -> Persona:
    """The persona that this variable names; raises :class:`~bot.llm.personas.PersonaError`."""
    try:
        return load_persona(name, PERSONAS_DIR)
    except PersonaError as error:
        raise PersonaError(f"{variable}: {error}") from error


def own_persona(settings: Settings) -> Persona:
    """Who the bot is; raises :class:`~bot.llm.personas.PersonaError`."""
    return read_persona("PERSONA", settings.persona)


def persona_name(settings: Settings) -> str:
    """What the bot is called, for the console; where its persona can't be used, the start says so elsewhere."""
    try:
        return own_persona(settings).name
    except PersonaError:
        return settings.persona


def other_personas(settings: Settings) -> dict[str, Persona]:
    """Whom else ``!persona`` can choose, but for the twin, by file; raises :class:`~bot.llm.personas.PersonaError`."""
    files = sorted(path.stem for path in PERSONAS_DIR.glob("*.yaml"))
    looked_at_elsewhere = (settings.persona, settings.bipolar.twin)
    return {file: load_persona(file, PERSONAS_DIR) for file in files if file not in looked_at_elsewhere}


def corrections(settings: Settings) -> Corrections:
    """What is put right in what is heard; raises :class:`~.corrections.CorrectionsError`, which names the variable."""
    return Corrections.read(settings.stt.corrections) if settings.stt.corrections else Corrections()


def trust(context: ssl.SSLContext, ca_file: Path | None) -> None:
    """Have a context trust the operator's certificate authority too; raises :class:`OperatorFileError`."""
    if ca_file is None:
        return
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise OperatorFileError(f"DISCORD_CA_FILE={ca_file} can't be used: it is not a certificate in PEM") from error
    except OSError as error:
        raise OperatorFileError(f"DISCORD_CA_FILE={ca_file} can't be read: {reason(error)}") from error


def ca_certificates(settings: Settings) -> None:
    """See that ``DISCORD_CA_FILE`` can be trusted; raises :class:`OperatorFileError`."""
    trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), settings.discord_ca_file)


def prepare_voices_folder(speech: SpeechSettings) -> None:
    """Make the folder of people's voices, where one is set; raises :class:`OperatorFileError`."""
    if speech.tts_voices_dir != USUAL_VOICES_DIR:
        _prepare("TTS_VOICES_DIR", speech.tts_voices_dir)


def _prepare(variable: str, folder: Path) -> None:
    try:
        folder.mkdir(_OWN_EYES, parents=True, exist_ok=True)
        # On a full disk files can be made, and not be written.
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(bytes(_ROOM))
    except OSError as error:
        full = error.errno in FULL_DISK
        remedy = "Make room, or choose another folder." if full else "Choose a folder that you can write to."
        raise OperatorFileError(f"{variable}={folder} can't be written to: {reason(error)}. {remedy}") from error


def voices_folder(settings: Settings, speech: SpeechSettings) -> Path:
    """Where the bot's own speech server keeps them: in ``DATA_DIR``, unless ``TTS_VOICES_DIR`` names another folder."""
    usual = speech.tts_voices_dir == USUAL_VOICES_DIR
    return settings.data_dir / "voices" if usual else speech.tts_voices_dir
