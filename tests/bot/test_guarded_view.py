"""Tests that the guard checks every button and menu of the bot."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import discord

import bot
from bot.commands.guarded_view import GuardedView


def _derived(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from _derived(each)


def test_every_view_modal_and_dynamic_item_asks_the_guard() -> None:
    for module in pkgutil.walk_packages(bot.__path__, "bot."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    kinds: tuple[type[Any], ...] = (discord.ui.view.BaseView, discord.ui.DynamicItem)
    ours = [each for kind in kinds for each in _derived(kind) if each.__module__.startswith("bot.")]
    assert GuardedView in ours
    assert [each for each in ours if not issubclass(each, GuardedView)] == []
    check = GuardedView.interaction_check
    assert [each for each in ours if each.interaction_check is not check] == [], "no class replaces the check"
