"""Selects the models for a command: those that were named, those of a profile, or those that the settings need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.models.catalogue import Catalogue
from bot.models.needs import QUICK_ENGLISH, needed_models, uses_quick_english
from bot.models.outside import OutsideWeights, outside_weights
from config.settings import Profile, Settings
from config.speech_settings import SpeechSettings
from config.spelling import nearest


class UnknownModelError(ValueError):
    """There is no model of the given name. The message suggests a similar name, or lists all names."""


@dataclass(frozen=True, slots=True)
class ModelSelection:
    """The models that a command works with.

    Attributes:
        wanted: ids of the models that are needed or were named. They are downloaded, and a check fails without them.
        shown: ids of the models that a list or a check shows.
        reason: the wanted models in words, such as "what your settings need".
        is_everything: whether all models of the catalogue are shown.
        outside: weights that the settings name, but that are not in the catalogue.
        optional: ids of the models that are used if they are here, though nothing needs them.
    """

    wanted: tuple[str, ...]
    shown: tuple[str, ...]
    reason: str
    is_everything: bool = True
    outside: tuple[OutsideWeights, ...] = ()
    optional: tuple[str, ...] = ()


def choose(catalogue: Catalogue, settings: Settings, names: Sequence[str], profile: Profile | None) -> ModelSelection:
    """Select the models in ``names``.

    Without names, the models of ``profile`` are selected. Without a profile, the models that the settings need are
    selected.

    Raises:
        UnknownModelError: one of ``names`` is not the id of a model in the catalogue.
        SettingsError: the speech server's settings can't be read.
    """
    if unknown := [name for name in names if name not in catalogue.models]:
        near = nearest(unknown[0], sorted(catalogue.models))
        meant = f"Did you mean {near}?" if near else f"There are: {', '.join(catalogue.models)}."
        raise UnknownModelError(f"There is no model {unknown[0]!r}. {meant}")
    if names:
        asked = tuple(dict.fromkeys(names))
        return ModelSelection(asked, asked, "what you asked for", is_everything=False)
    everything = tuple(catalogue.models)
    if profile is not None:
        return ModelSelection(catalogue.profiles[profile], everything, f"what PROFILE={profile} needs")
    speech = SpeechSettings.read()
    needed, outside = needed_models(catalogue, settings, speech), outside_weights(catalogue, settings, speech)
    optional = (QUICK_ENGLISH,) if uses_quick_english(catalogue, settings) else ()
    return ModelSelection(needed, everything, "what your settings need", outside=tuple(outside), optional=optional)
