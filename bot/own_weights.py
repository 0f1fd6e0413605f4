"""Chooses the weights of the bot's own engines, once per start: real ones, replacements, or toys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from bot.models.catalogue import Catalogue, CatalogueError, Model, Part, load_catalogue
from bot.models.model_store import Condition
from bot.models.named_llm import EmbeddedLlm, NoSuchLlmError, catalogued_llm, named_llm
from bot.models.needs import (
    QUICK_ENGLISH,
    fetch_command,
    needed_models,
    recognises_speech,
    repair_command,
    store_of,
    uses_quick_english,
)
from bot.text import enumerated
from config.settings import Profile, Settings, Weights
from config.speech_settings import SpeechSettings

DAMAGED = "Weights: {name} is damaged (SHA-256 differs); using {instead}. Remedy: {remedy}"
MISSING = "Weights: {names} {are} not here; using {instead}. Remedy: {remedy}"
_STAND_INS = MappingProxyType(
    {
        "ears": "toys",
        "mind": "toys",
        "voice": "espeak-ng",
        "speech detector": "the speech detector of faster-whisper",
        "English": "Whisper for English too",
    }
)


class RealWeightsMissingError(Exception):
    """``WEIGHTS=real`` is set, but real weights are missing. The text names them and the command that gets them."""


@dataclass(frozen=True, slots=True)
class OwnWeights:
    """The weights that the bot's own engines use.

    An engine has no weights here if another server does its work. The transcriber has none if ``STT_MODEL`` names a
    model that the profile does not use.

    Attributes:
        stt: the folder of a real Whisper model.
        speech_detector: the file of the voice activity model; ``None`` for the one in faster-whisper.
        llms: real language models. The first is used; if it can't be loaded, the next one is used.
        voice: the folder of a Piper voice, for the ``embedded`` profile, or as a fallback of another engine.
        toy_stt: whether the transcriber uses toy weights.
        toy_llm: whether the language model uses toy weights.
        conditions: the condition of the real weights, by their names in the catalogue.
        notices: sentences for the operator about damaged or missing weights, with the remedy.
    """

    stt: Path | None = None
    speech_detector: Path | None = None
    llms: tuple[EmbeddedLlm, ...] = ()
    voice: Path | None = None
    toy_stt: bool = False
    toy_llm: bool = False
    conditions: Mapping[str, Condition] = field(default_factory=lambda: MappingProxyType({}))
    notices: tuple[str, ...] = ()

    @property
    def llm(self) -> EmbeddedLlm | None:
        """The real language model that is used, if any."""
        return self.llms[0] if self.llms else None


def choose_weights(settings: Settings, *, thorough: bool = False) -> OwnWeights:
    """Find the weights on this machine and check them. Blocks on the disk.

    Args:
        thorough: read all weights to check them. Otherwise, only weights that changed since the last check are read.

    Raises:
        RealWeightsMissingError: ``WEIGHTS=real`` is set, and a part of the profile has no real weights.
    """
    try:
        catalogue = load_catalogue()
    except CatalogueError as error:
        if settings.weights is Weights.REAL:
            raise RealWeightsMissingError(f"WEIGHTS=real, but {error}.") from error
        notices = (f"⚠️ {error}.",) if settings.weights is Weights.AUTO else ()
        return OwnWeights(toy_stt=settings.runs_default_stt, toy_llm=settings.runs_llm, notices=notices)
    named: EmbeddedLlm | None = None
    mistakes: tuple[str, ...] = ()
    try:
        named = named_llm(settings, catalogue)
    except NoSuchLlmError as error:
        if settings.weights is Weights.REAL:
            raise RealWeightsMissingError(str(error)) from error
        mistakes = (str(error),)
    own_llm = settings.runs_llm
    # If the named model can't be used, the profile's own model replaces it.
    settings = settings.changed(llm_model=None) if own_llm else settings
    conditions = {
        name: store_of(settings, model).condition(name, model, thorough=thorough)
        for name, model in _wanted(catalogue, settings)
    }
    if conditions.get(QUICK_ENGLISH) is Condition.MISSING:
        # It is no loss: Whisper recognises English too.
        del conditions[QUICK_ENGLISH]
    if settings.weights is Weights.REAL:
        _require_real_weights(catalogue, conditions, but=Part.LLM if named is not None else None)
    whole = {
        _slot(catalogue.models[name]): name for name, condition in conditions.items() if condition is Condition.COMPLETE
    }

    def folder(slot: str) -> Path | None:
        name = whole.get(slot)
        return store_of(settings, catalogue.models[name]).folder(name) if name else None

    def first_file(slot: str) -> Path | None:
        place = folder(slot)
        return place / catalogue.models[whole[slot]].files[0].path if place else None

    mind = whole.get("mind")
    usual = catalogued_llm(store_of(settings, catalogue.models[mind]), mind, catalogue.models[mind]) if mind else None
    llms = [named, usual]
    return OwnWeights(
        stt=folder("ears"),
        speech_detector=first_file("speech detector"),
        llms=tuple(llm for llm in llms if llm is not None),
        voice=folder("voice") or _fallback_voice(catalogue, settings),
        toy_stt=settings.runs_default_stt and "ears" not in whole,
        toy_llm=own_llm and not any(llms),
        conditions=MappingProxyType(conditions),
        notices=(*mistakes, *_notices(catalogue, conditions, but=_served_otherwise(settings, named))),
    )


def _wanted(catalogue: Catalogue, settings: Settings) -> Iterator[tuple[str, Model]]:
    """The real weights that could replace toys, by their names."""
    if settings.profile is Profile.EMBEDDED:
        needed = needed_models(catalogue, settings, SpeechSettings.read(tts_engine=settings.voice_engine))
        yield from ((name, catalogue.models[name]) for name in catalogue.profiles[settings.profile] if name in needed)
        if uses_quick_english(catalogue, settings):
            yield QUICK_ENGLISH, catalogue.models[QUICK_ENGLISH]


def _fallback_voice(catalogue: Catalogue, settings: Settings) -> Path | None:
    """The voice of the ``embedded`` profile if it is on this machine, as a fallback for other engines."""
    if settings.weights is Weights.TOYS or settings.tts.websocket_url is not None:
        return None
    for name in catalogue.profiles[Profile.EMBEDDED]:
        model = catalogue.models[name]
        store = store_of(settings, model)
        if model.part is Part.TTS and store.condition(name, model) is Condition.COMPLETE:
            return store.folder(name)
    return None


def _slot(model: Model) -> str:
    """The part of the bot that the model is for. Detecting speech, and recognising English, are separate parts."""
    if "STT_ENGLISH_MODEL" in model.settings:
        return "English"
    if model.part is Part.STT and not recognises_speech(model):
        return "speech detector"
    return model.part.value


def _require_real_weights(catalogue: Catalogue, conditions: Mapping[str, Condition], *, but: Part | None) -> None:
    """Raise if real weights are missing. Two parts may be missing, because faster-whisper does their work as well."""
    optional = ("speech detector", "English", but)
    lacking = [
        f"{name} is {'not here' if condition is Condition.MISSING else 'damaged'}"
        for name, condition in conditions.items()
        if condition is not Condition.COMPLETE and _slot(catalogue.models[name]) not in optional
    ]
    if lacking:
        raise RealWeightsMissingError(f"WEIGHTS=real, but {enumerated(lacking)}. Remedy: {repair_command()}")


def _served_otherwise(settings: Settings, named: EmbeddedLlm | None) -> frozenset[str]:
    """The slots for which no weights are chosen here, because a setting names a server or weights for them.

    Other modules warn about such settings.
    """
    return frozenset({"mind"} if named is not None else ()) | frozenset(() if settings.runs_default_stt else {"ears"})


def _notices(catalogue: Catalogue, conditions: Mapping[str, Condition], *, but: frozenset[str]) -> Iterator[str]:
    conditions = {name: found for name, found in conditions.items() if _slot(catalogue.models[name]) not in but}
    for name, condition in conditions.items():
        if condition is Condition.DAMAGED:
            instead = _STAND_INS[_slot(catalogue.models[name])]
            yield DAMAGED.format(name=name, instead=instead, remedy=repair_command())
    missing = [name for name, condition in conditions.items() if condition is Condition.MISSING]
    if missing:
        instead_of_all = dict.fromkeys(_STAND_INS[_slot(catalogue.models[name])] for name in missing)
        are = "are" if len(missing) > 1 else "is"
        yield MISSING.format(
            names=enumerated(missing), are=are, instead=enumerated(instead_of_all), remedy=fetch_command()
        )
