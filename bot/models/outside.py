"""Weights outside of the catalogue: those that settings name, and the project's own toys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bot.models.catalogue import Catalogue, Part, Source
from bot.models.named_llm import NoSuchLlmError, named_llm
from bot.models.needs import BOT, needed_models, recogniser_model, voice_engines
from config.settings import Settings
from config.speech_settings import EngineName, SpeechSettings
from toys.cache import model_files, whisper_files


@dataclass(frozen=True, slots=True)
class Toy:
    """One of them. Nobody has sums to compare it with: what is damaged is made anew."""

    id: str
    part: Part
    source: Source
    present: bool
    size: int
    licence: str
    sha256_ok: bool | None = None


def toys_in(cache_dir: Path) -> Iterator[Toy]:
    """The toys, and whether an earlier start has left them in the cache."""
    for name, part, files in (
        ("toy-whisper", Part.EARS, whisper_files(cache_dir)),
        ("toy-model", Part.MIND, model_files(cache_dir)),
    ):
        yield Toy(name, part, Source.TOY, bool(files), sum(path.stat().st_size for path in files), "mit")


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
"""The names that faster-whisper has for models, and the hub's repository of each; importing it takes a second."""
HUB_DOWNLOAD = ".venv/bin/hf download"


@dataclass(frozen=True, slots=True)
class OutsideWeights:
    """Weights of somebody's own choice. Nobody has checksums to compare them with.

    Attributes:
        setting: as it stands in ``.env``, such as ``STT_MODEL=tiny.en``.
        place: where they lie; ``None``: they are not here.
        fault: where they are not, that and what to do about it.
    """

    setting: str
    part: Part
    place: str | None
    fault: str = ""

    @property
    def whereabouts(self) -> str:
        """Where they lie, in words."""
        return "is not here" if self.place is None else f"stored in {self.place}, and is not checked"


def outside_weights(catalogue: Catalogue, settings: Settings, speech: SpeechSettings) -> Iterator[OutsideWeights]:
    """Those that the parts of this bot are to work with. Blocks: it looks at the disk."""
    if settings.stt.model is not None and settings.stt.url is None and recogniser_model(catalogue, settings) is None:
        yield _recogniser(settings.stt.model)
    yield from _mind(catalogue, settings)
    if settings.tts.websocket_url is None:
        yield from _voices(catalogue, settings, speech)


def recogniser_remedy(asked: str) -> str:
    """How people get a recogniser that the catalogue does not have, in a sentence."""
    choose = f"a model that `{BOT} models` lists"
    repository = hub_repository(asked)
    if repository is None:
        return f"Set STT_MODEL to the folder it is in, or to {choose}."
    return f"To get it, unchecked, type `{HUB_DOWNLOAD} {repository}`; or set STT_MODEL to {choose}."


def hub_repository(asked: str) -> str | None:
    """The hub's repository that faster-whisper means by a name; ``None`` for a path, and for what it does not know."""
    if asked in WHISPERS:
        return WHISPERS[asked]
    owner, _, name = asked.partition("/")
    is_path = "/" in name or owner.startswith((".", "~")) or Path(owner).exists()
    return asked if owner and name and not is_path else None


def recogniser_is_here(asked: str) -> bool:
    """Whether faster-whisper finds a model in this folder, or by this name in the hub's cache. Blocks."""
    if Path(asked).is_dir():
        return (Path(asked) / "model.bin").is_file()
    from huggingface_hub import try_to_load_from_cache

    repository = hub_repository(asked)
    return repository is not None and isinstance(try_to_load_from_cache(repository, "model.bin"), str)


def _recogniser(asked: str) -> OutsideWeights:
    """What faster-whisper loads for a name: a folder, or what the hub's cache has."""
    from huggingface_hub import try_to_load_from_cache

    repository = hub_repository(asked)
    cached = try_to_load_from_cache(repository, "model.bin") if repository is not None else None
    place = asked if Path(asked).is_dir() else cached if isinstance(cached, str) else None
    setting = f"STT_MODEL={asked}"
    return OutsideWeights(setting, Part.EARS, place, f"{setting} is not here. {recogniser_remedy(asked)}")


def _mind(catalogue: Catalogue, settings: Settings) -> Iterator[OutsideWeights]:
    asked = settings.llm.model
    known = catalogue.models.get(asked or "")
    if asked is None or not settings.runs_llm or (known is not None and known.part is Part.MIND):
        return
    setting = f"LLM_MODEL={asked}"
    try:
        llm = named_llm(settings, catalogue)
    except NoSuchLlmError as error:
        yield OutsideWeights(setting, Part.MIND, None, str(error))
    else:
        yield OutsideWeights(setting, Part.MIND, str(llm.path) if llm is not None else None)


def _voices(catalogue: Catalogue, settings: Settings, speech: SpeechSettings) -> Iterator[OutsideWeights]:
    engines = voice_engines(settings, speech)
    catalogued = [catalogue.models[name].settings for name in needed_models(catalogue, settings, speech)]
    named = "xtts_model" in speech.model_fields_set
    if named and EngineName.XTTS in engines and not any("XTTS_MODEL" in known for known in catalogued):
        yield _voice("XTTS_MODEL", speech.xtts_model)
    piper = speech.piper_model
    speaks = EngineName.PIPER in engines or settings.runs_default_tts
    if piper is not None and speaks and catalogue.models.keys().isdisjoint(piper.parts):
        yield _voice("PIPER_MODEL", piper)


def _voice(variable: str, path: Path) -> OutsideWeights:
    place = str(path) if path.exists() else None
    fault = f"{variable}={path} is not here. Set {variable} to where it is."
    return OutsideWeights(f"{variable}={path}", Part.VOICE, place, fault)
