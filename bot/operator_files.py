"""What the settings name on the disk, read and checked: by a start and by the doctor alike.

Each error names its variable.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bot.features.image_generation.workflow import Workflow, WorkflowError
from bot.llm.personas import PERSONAS_DIR, Persona, PersonaError, load_persona
from bot.voice.transcribe.corrections import Corrections
from config.settings import Settings


class OperatorFileError(OSError):
    """A file or folder that a setting names can't be used; the text names the setting."""


def prepare_folders(settings: Settings) -> None:
    """Make the folders that the bot writes to, and see that it may.

    Raises:
        OperatorFileError: one of them can't be made, or can't be written to.
    """
    _prepare("DATA_DIR", settings.data_dir)
    if settings.uses_toy_model or settings.uses_toy_transcriber:
        _prepare("CACHE_DIR", settings.cache_dir)


def own_persona(settings: Settings) -> Persona:
    """Who the bot is; raises :class:`~bot.llm.personas.PersonaError`."""
    return _persona("PERSONA", settings.persona)


def persona_name(settings: Settings) -> str:
    """What the bot is called, for the console; where its persona can't be used, the start says so elsewhere."""
    try:
        return own_persona(settings).name
    except PersonaError:
        return settings.persona


def twin_persona(settings: Settings) -> Persona | None:
    """Its twin, where it has one; raises :class:`~bot.llm.personas.PersonaError`."""
    return _persona("BIPOLAR_TWIN", settings.bipolar_twin) if settings.bipolar_twin else None


def other_personas(settings: Settings) -> list[Persona]:
    """Whom else ``!persona`` can choose; raises :class:`~bot.llm.personas.PersonaError` where one is malformed."""
    files = sorted(path.stem for path in PERSONAS_DIR.glob("*.yaml"))
    return [load_persona(file, PERSONAS_DIR) for file in files if file != settings.persona]


def workflow(settings: Settings) -> Workflow | None:
    """What ComfyUI is to do, where that is set; raises :class:`~.workflow.WorkflowError`."""
    if settings.comfyui_workflow is None:
        return None
    try:
        return Workflow.load(settings.comfyui_workflow)
    except WorkflowError as error:
        raise WorkflowError(f"COMFYUI_WORKFLOW: {error}") from error


def corrections(settings: Settings) -> Corrections:
    """What is put right in what is heard; raises :class:`~.corrections.CorrectionsError`, which names the variable."""
    return Corrections.read(settings.stt_corrections) if settings.stt_corrections else Corrections()


def _persona(variable: str, name: str) -> Persona:
    try:
        return load_persona(name, PERSONAS_DIR)
    except PersonaError as error:
        raise PersonaError(f"{variable}: {error}") from error


def _prepare(variable: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise OperatorFileError(
            f"{variable}={folder} can't be written to: {reason}. Choose a folder that you can write to."
        ) from error
