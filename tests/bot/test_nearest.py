"""Tests of mistyped commands: the suggested command, and words that are left to other bots."""

from __future__ import annotations

import pytest

from bot.commands.unknown import nearest_command
from bot.rights import RIGHTS

NAMES = [name for name in RIGHTS if " " not in name]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("jion", "join"),
        ("Jion", "join"),
        ("ojin", "join"),
        ("joinn", "join"),
        ("jon", "join"),
        ("jojn", "join"),
        ("hlep", "help"),
        ("stpo", "stop"),
        ("leavee", "leave"),
        ("laeve", "leave"),
        ("voluem", "volume"),
        ("captoins", "captions"),
        ("voicestatsu", "voice-status"),
        ("voice_staus", "voice-status"),
        ("shedule", "schedule"),
        ("scheduel", "schedule"),
        ("lowperfomance", "low-performance"),
        ("figurine", "figurines"),
    ],
)
def test_a_mistyped_command_is_understood(typed: str, meant: str) -> None:
    assert nearest_command(typed, NAMES) == meant


COMMANDS_OF_OTHER_BOTS = """
    ban kick mute rank level move shop vote coin cat roll stats start top work daily warn poll meme np
    gpt resume ping info invite purge clear prefix rps hug 8ball loop shuffle seek foo dance ! ? a jo
"""


@pytest.mark.parametrize("typed", COMMANDS_OF_OTHER_BOTS.split())
def test_commands_of_other_bots_are_ignored(typed: str) -> None:
    assert nearest_command(typed, NAMES) is None
