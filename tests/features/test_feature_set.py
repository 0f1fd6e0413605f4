"""Tests of the list of features: it is complete, and a call holds the features in the planned order."""

from __future__ import annotations

import pkgutil

import bot.features
from bot.feature_set import FEATURES

ORDER = [
    "model_routing",
    "vision",
    "text_chat",
    "voice_messages",
    "dual_persona",
    "profile_picture",
    "image_generation",
    "autonomous_talk",
    "scheduled_events",
    "figurine_notifier",
    "recording_remaker",
]
"""The packages in ``bot/features``, in the order in which a call holds them."""


def test_a_call_holds_the_features_in_the_planned_order() -> None:
    assert [builder.build.__module__ for builder in FEATURES] == [f"bot.features.{name}.build" for name in ORDER]


def test_every_package_of_a_feature_is_in_the_list() -> None:
    assert sorted(ORDER) == sorted(module.name for module in pkgutil.iter_modules(bot.features.__path__))


def test_no_command_is_claimed_by_two_features() -> None:
    names = [name for each in FEATURES if each.optional_commands is not None for name in each.optional_commands.names]
    assert len(names) == len(set(names))
