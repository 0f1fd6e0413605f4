"""The weights of the bot's own engines that one start uses: chosen once, and handed to the parts that load them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from bot.models.catalogue import Catalogue, CatalogueError, Model, Part, load_catalogue
from bot.models.model_store import Condition
from bot.models.named_llm import EmbeddedLlm, NoSuchLlmError, named_llm
from bot.models.needs import needed_models, recognises_speech, store_of
from bot.text import enumerated
from config.settings import Profile, Settings, Weights
from config.speech_settings import SpeechSettings

REPAIR = "python -m bot models repair"
FETCH = "python -m bot models fetch"
DAMAGED = f"Weights: {{name}} is damaged (SHA-256 differs); using toys. Remedy: {REPAIR}"
MISSING = f"Weights: {{names}} {{are}} not here; using {{instead}}. Remedy: {FETCH}"
_STAND_INS = MappingProxyType(
    {
        "ears": "toys",
        "mind": "toys",
        "voice": "espeak-ng",
        "speech detector": "the speech detector of faster-whisper",
    }
)


class RealWeightsMissingError(Exception):
    """``WEIGHTS=real``, and real ones are not here; the text says which and what to type."""


@dataclass(frozen=True, slots=True)
class OwnWeights:
    """What this start uses. A part that others serve, or that a setting names, has neither weights nor a toy here.

    Attributes:
        stt: the folder of a real Whisper.
        speech_detector: the network that tells speech from noise; ``None``: the one that faster-whisper carries.
        llms: real language models, the one to be used first; the next one stands in where it can't be loaded.
        voice: the folder of a Piper voice, for the engine of the ``embedded`` profile, or one behind another's.
        toy_stt, toy_llm: the part makes do with the project's toy weights.
        conditions: what was found of the real ones, by their names in the catalogue.
        notices: sentences for the operator: what is damaged or missing, and the remedy.
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
        """The real language model that is used, if there is one."""
        return self.llms[0] if self.llms else None


def choose_weights(settings: Settings, *, thorough: bool = False) -> OwnWeights:
    """Look what is here, and whether it is whole. Blocks: weights that were written to are read, ``thorough``: all.

    Raises:
        RealWeightsMissingError: ``WEIGHTS=real``, and a part of the profile has no real ones.
    """
    try:
        catalogue = load_catalogue()
    except CatalogueError as error:
        if settings.weights is Weights.REAL:
            raise RealWeightsMissingError(f"WEIGHTS=real, but {error}.") from error
        notices = (f"⚠️ {error}.",) if settings.weights is Weights.AUTO else ()
        return OwnWeights(toy_stt=settings.runs_default_stt, toy_llm=settings.runs_llm, notices=notices)
    named: EmbeddedLlm | None = None
    told: tuple[str, ...] = ()
    try:
        named = named_llm(settings, catalogue)
    except NoSuchLlmError as error:
        if settings.weights is Weights.REAL:
            raise RealWeightsMissingError(str(error)) from error
        told = (str(error),)
    own_llm = settings.runs_llm
    # What stands in for a model that is named is the profile's own.
    settings = settings.changed(llm_model=None) if own_llm else settings
    conditions = {
        name: store_of(settings, model).condition(name, model, thorough=thorough)
        for name, model in _wanted(catalogue, settings)
    }
    if settings.weights is Weights.REAL:
        _insist_on_real(catalogue, conditions, but=Part.MIND if named is not None else None)
    whole = {
        _slot(catalogue.models[name]): name for name, condition in conditions.items() if condition is Condition.WHOLE
    }

    def folder(slot: str) -> Path | None:
        name = whole.get(slot)
        return store_of(settings, catalogue.models[name]).folder(name) if name else None

    def first_file(slot: str) -> Path | None:
        place = folder(slot)
        return place / catalogue.models[whole[slot]].files[0].path if place else None

    usual = first_file("mind")
    llms = [named, EmbeddedLlm(usual, whole["mind"]) if usual else None]
    return OwnWeights(
        stt=folder("ears"),
        speech_detector=first_file("speech detector"),
        llms=tuple(llm for llm in llms if llm is not None),
        voice=folder("voice") or _voice_behind(catalogue, settings),
        toy_stt=settings.runs_default_stt and "ears" not in whole,
        toy_llm=own_llm and not any(llms),
        conditions=MappingProxyType(conditions),
        notices=(*told, *_notices(catalogue, conditions, but=_served_otherwise(settings, named))),
    )


def _wanted(catalogue: Catalogue, settings: Settings) -> Iterator[tuple[str, Model]]:
    """The real weights that stand where toys would stand otherwise."""
    if settings.profile is Profile.EMBEDDED:
        needed = needed_models(catalogue, settings, SpeechSettings.read(tts_engine=settings.voice_engine))
        yield from ((name, catalogue.models[name]) for name in catalogue.profiles[settings.profile] if name in needed)


def _voice_behind(catalogue: Catalogue, settings: Settings) -> Path | None:
    """The voice of the ``embedded`` profile, if it happens to be here, for the engines of others to fall back on."""
    if settings.weights is Weights.TOYS or settings.tts.websocket_url is not None:
        return None
    for name in catalogue.profiles[Profile.EMBEDDED]:
        model = catalogue.models[name]
        store = store_of(settings, model)
        if model.part is Part.VOICE and store.condition(name, model) is Condition.WHOLE:
            return store.folder(name)
    return None


def _slot(model: Model) -> str:
    if model.part is Part.EARS and not recognises_speech(model):
        return "speech detector"
    return model.part.value


def _insist_on_real(catalogue: Catalogue, conditions: Mapping[str, Condition], *, but: Part | None) -> None:
    """faster-whisper's own speech detector is real as well."""
    lacking = [
        f"{name} is {'not here' if condition is Condition.MISSING else 'damaged'}"
        for name, condition in conditions.items()
        if condition is not Condition.WHOLE and _slot(catalogue.models[name]) not in ("speech detector", but)
    ]
    if lacking:
        raise RealWeightsMissingError(f"WEIGHTS=real, but {enumerated(lacking)}. Remedy: {REPAIR}")


def _served_otherwise(settings: Settings, named: EmbeddedLlm | None) -> frozenset[str]:
    """The slots for which nothing stands in: what is to serve them is named, and told of elsewhere."""
    return frozenset({"mind"} if named is not None else ()) | frozenset(() if settings.runs_default_stt else {"ears"})


def _notices(catalogue: Catalogue, conditions: Mapping[str, Condition], *, but: frozenset[str]) -> Iterator[str]:
    conditions = {name: found for name, found in conditions.items() if _slot(catalogue.models[name]) not in but}
    for name, condition in conditions.items():
        if condition is Condition.DAMAGED:
            yield DAMAGED.format(name=name)
    missing = [name for name, condition in conditions.items() if condition is Condition.MISSING]
    if missing:
        instead = dict.fromkeys(_STAND_INS[_slot(catalogue.models[name])] for name in missing)
        are = "are" if len(missing) > 1 else "is"
        yield MISSING.format(names=enumerated(missing), are=are, instead=enumerated(instead))
