"""The guard of commands, for bots that a test assembles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.guard import Guard, read_permits
from bot.owners import Owners
from bot.rights import RIGHTS, Right, Who
from bot.voice.discord.link import VoiceChannel
from config.settings import Settings

COMMANDS_OF_TESTS = {"ask": Right((Who.EVERYONE,))}


def make_guard(call: Callable[[int | None], VoiceChannel | None] = lambda _: None, **settings: Any) -> Guard:
    """Make the real guard with default settings, except those that are given by field name."""
    chosen = Settings.read(_env_file=None, **settings)
    rights = {**RIGHTS, **COMMANDS_OF_TESTS}
    return Guard(read_permits(chosen.who_may), Owners(chosen.owners), call, lambda guild, person: False, "!", rights)
