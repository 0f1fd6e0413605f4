"""Weights that are not in the catalogue: those that settings name, and the project's own toy weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bot.models.catalogue import Catalogue, Part, Source
from bot.models.named_llm import NoSuchLlmError, named_llm
from bot.models.needs import needed_models, recogniser_model, uses_catalogued_kokoro, voice_engines
from config.kokoro_model import kokoro_model_fault
from config.place import bot_command, hub_command
from config.settings import Settings
from config.speech_settings import EngineName, SpeechSettings
from toys.cache import model_files, whisper_files

WHISPERS: Mapping[str, str] = MappingProxyType(
    {
        "tiny.en": "Systran/faster-whisper-tiny.en",
        "tiny": "Systran/faster-whisper-tiny",
        "base.en": "Systran/faster-whisper-base.en",
        "base": "Systran/faster-whisper-base",
        "small.en": "Systran/faster-whisper-small.en",
        "small": "Systran/faster-whisper-small",
        "medium.en": "Systran/faster-whisper-medium.en",
        "medium": "Systran/faster-whisper-medium",
        "large-v1": "Systran/faster-whisper-large-v1",
        "large-v2": "Systran/faster-whisper-large-v2",
        "large-v3": "Systran/faster-whisper-large-v3",
        "large": "Systran/faster-whisper-large-v3",
        "distil-large-v2": "Systran/faster-distil-whisper-large-v2",
        "distil-medium.en": "Systran/faster-distil-whisper-medium.en",
        "distil-small.en": "Systran/faster-distil-whisper-small.en",
        "distil-large-v3": "Systran/faster-distil-whisper-large-v3",
        "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
        "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
        "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    }
)
"""faster-whisper's model names, with the repository of each on the hub. They are copied here, because importing
faster-whisper takes a second."""


@dataclass(frozen=True, slots=True)
class OutsideWeights:
    """Weights that a setting names, but that are not in the catalogue. There are no checksums for them.

    Attributes:
        setting: the line in ``.env``, such as ``STT_MODEL=tiny.en``.
        place: the path of the weights; ``None`` if they are missing.
        fault: if they are missing, a message that says so, and what to do about it.
    """

    setting: str
    part: Part
    place: str | None
    fault: str = ""

    @property
    def whereabouts(self) -> str:
        """Where the weights are: words for a line of their own, or for behind the setting and a colon."""
        return "is not here" if self.place is None else f"stored in {self.place}, and is not checked"


def outside_weights(catalogue: Catalogue, settings: Settings, speech: SpeechSettings) -> Iterator[OutsideWeights]:
    """The weights outside of the catalogue that the bot needs with these settings. Blocks on the disk."""
    if settings.stt.model is not None and settings.stt.url is None and recogniser_model(catalogue, settings) is None:
        yield _recogniser(settings.stt.model)
    yield from _llm(catalogue, settings)
    if settings.tts.websocket_url is None:
        yield from voice_weights(catalogue, settings, speech)


def recogniser_remedy(asked: str) -> str:
    """A sentence that says how to get a speech recognition model that is not in the catalogue."""
    choose = f"a model that `{bot_command('models')}` lists"
    repository = hub_repository(asked)
    if repository is None:
        return f"Set STT_MODEL to the folder it is in, or to {choose}."
    return f"To get it without a check, type `{hub_command(repository)}`; or set STT_MODEL to {choose}."


def hub_repository(asked: str) -> str | None:
    """The repository on the hub that faster-whisper would load for a name; ``None`` for paths and unknown names."""
    if asked in WHISPERS:
        return WHISPERS[asked]
    owner, _, name = asked.partition("/")
    is_path = "/" in name or owner.startswith((".", "~")) or Path(owner).exists()
    return asked if owner and name and not is_path else None


def recogniser_is_here(asked: str) -> bool:
    """Whether faster-whisper would find the model without a download: in a folder or in the hub's cache. Blocks."""
    if Path(asked).is_dir():
        return (Path(asked) / "model.bin").is_file()
    from huggingface_hub import try_to_load_from_cache

    repository = hub_repository(asked)
    return repository is not None and isinstance(try_to_load_from_cache(repository, "model.bin"), str)


def _recogniser(asked: str) -> OutsideWeights:
    """The weights that faster-whisper would load for a name: a folder, or a file in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    repository = hub_repository(asked)
    cached = try_to_load_from_cache(repository, "model.bin") if repository is not None else None
    place = asked if Path(asked).is_dir() else cached if isinstance(cached, str) else None
    setting = f"STT_MODEL={asked}"
    return OutsideWeights(setting, Part.STT, place, f"{setting} is not here. {recogniser_remedy(asked)}")


def _llm(catalogue: Catalogue, settings: Settings) -> Iterator[OutsideWeights]:
    asked = settings.llm.model
    known = catalogue.models.get(asked or "")
    if asked is None or not settings.runs_llm or (known is not None and known.part is Part.LLM):
        return
    setting = f"LLM_MODEL={asked}"
    try:
        llm = named_llm(settings, catalogue)
    except NoSuchLlmError as error:
        yield OutsideWeights(setting, Part.LLM, None, str(error))
    else:
        yield OutsideWeights(setting, Part.LLM, str(llm.path) if llm is not None else None)


def voice_weights(catalogue: Catalogue, settings: Settings, speech: SpeechSettings) -> Iterator[OutsideWeights]:
    """The weights of voices outside of the catalogue that the bot's own speech server needs. Blocks on the disk."""
    engines = voice_engines(settings, speech)
    catalogued = [catalogue.models[name].settings for name in needed_models(catalogue, settings, speech)]
    named = "xtts_model" in speech.model_fields_set
    if named and EngineName.XTTS in engines and not any("XTTS_MODEL" in known for known in catalogued):
        yield _voice("XTTS_MODEL", speech.xtts_model)
    piper = speech.piper_model
    speaks = EngineName.PIPER in engines or settings.runs_default_tts
    if piper is not None and speaks and catalogue.models.keys().isdisjoint(piper.parts):
        yield _voice("PIPER_MODEL", piper)
    kokoro = speech.kokoro_model
    speaks = EngineName.KOKORO in engines or settings.runs_default_tts
    if kokoro is not None and speaks and not uses_catalogued_kokoro(catalogue, settings, speech):
        fault = kokoro_model_fault(kokoro)
        place = str(kokoro) if fault is None else None
        yield OutsideWeights(f"KOKORO_MODEL={kokoro}", Part.TTS, place, fault or "")


def _voice(variable: str, path: Path) -> OutsideWeights:
    place = str(path) if path.exists() else None
    fault = f"{variable}={path} is not here. Set {variable} to where it is."
    return OutsideWeights(f"{variable}={path}", Part.TTS, place, fault)


@dataclass(frozen=True, slots=True)
class Toy:
    """Toy weights, as the list of models shows them. They are made on this machine, and made again if they are damaged.

    Attributes:
        present: whether the weights have been made already.
        size: the size of the weights in bytes.
        sha256_ok: always ``None``, because there are no checksums for them.
    """

    id: str
    part: Part
    source: Source
    present: bool
    size: int
    licence: str
    sha256_ok: bool | None = None


def toys_in(cache_dir: Path) -> Iterator[Toy]:
    """The toy weights, with their state in the cache folder."""
    for name, part, files in (
        ("toy-whisper", Part.STT, whisper_files(cache_dir)),
        ("toy-model", Part.LLM, model_files(cache_dir)),
    ):
        yield Toy(name, part, Source.TOY, bool(files), sum(path.stat().st_size for path in files), "mit")
