"""Which models a command is about: those named, those of a profile, or those that the settings need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.models.catalogue import Catalogue
from bot.models.needs import needed_models
from bot.models.outside import OutsideWeights, outside_weights
from config.settings import Profile, Settings
from config.speech_settings import SpeechSettings
from config.spelling import nearest


class UnknownModelError(ValueError):
    """There is no model of that name; the text names what was meant, or those there are."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The models that a command is about.

    Attributes:
        wanted: those that are needed or were asked for: they are downloaded, and a check fails where one is not whole.
        shown: those that a list or a check speaks of.
        reason: what the wanted ones are, in words.
        is_everything: whether those shown are all there are.
        outside: weights that the settings name and that are none of these models.
    """

    wanted: tuple[str, ...]
    shown: tuple[str, ...]
    reason: str
    is_everything: bool = True
    outside: tuple[OutsideWeights, ...] = ()


def choose(catalogue: Catalogue, settings: Settings, names: Sequence[str], profile: Profile | None) -> Choice:
    """The models named, else those of the profile named, else those that the settings need.

    Raises:
        UnknownModelError: one that is named does not exist.
        SettingsError: the speech server's settings can't be read.
    """
    if unknown := [name for name in names if name not in catalogue.models]:
        near = nearest(unknown[0], sorted(catalogue.models))
        meant = f"Did you mean {near}?" if near else f"There are: {', '.join(catalogue.models)}."
        raise UnknownModelError(f"There is no model {unknown[0]!r}. {meant}")
    if names:
        asked = tuple(dict.fromkeys(names))
        return Choice(asked, asked, "what you asked for", is_everything=False)
    everything = tuple(catalogue.models)
    if profile is not None:
        return Choice(catalogue.profiles[profile], everything, f"what PROFILE={profile} needs")
    speech = SpeechSettings.read()
    needed, outside = needed_models(catalogue, settings, speech), outside_weights(catalogue, settings, speech)
    return Choice(needed, everything, "what your settings need", outside=tuple(outside))
