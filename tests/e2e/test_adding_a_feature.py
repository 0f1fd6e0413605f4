"""Tests that a new feature needs only its builder and one line in ``bot/feature_set.py``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import discord
import pytest
from discord.ext import commands

from bot import feature_set
from bot.check_result import CheckResult
from bot.doctor import doctor
from bot.feature import Feature, FeatureBuilder, FeatureParts, OptionalCommands
from bot.http.api.admission import GATE_NAME as API
from bot.operator_files import OperatorFileError
from bot.settings_check import checked_settings
from bot.work_gate import FeatureHeldError, WorkGate
from config.errors import SettingsError
from config.settings import Settings
from sandbox.server import Sandbox
from tests.e2e.conftest import StageMaker, make_settings

BALLS = "JUGGLING_BALLS"


class Juggling:
    """A feature that throws a ball again and again, and remembers all messages that people write."""

    name = "juggling"

    def __init__(self) -> None:
        self.thrown = 0
        self.utterances: list[str] = []
        self.life: list[str] = []
        self._gate = WorkGate(self.name)

    async def hold(self, reason: str) -> None:
        await self._gate.hold(reason)

    async def release(self) -> None:
        await self._gate.release()

    async def run(self) -> None:
        while True:
            try:
                async with self._gate.work():
                    self.thrown += 1
            except FeatureHeldError:
                pass
            await asyncio.sleep(0.01)

    async def observe(self, message: discord.Message) -> None:
        self.utterances.append(message.content)

    async def resume(self) -> None:
        self.life.append("resumed")

    async def close(self) -> None:
        self.life.append("closed")


class JugglingCog(commands.Cog, name="Juggling"):
    """The feature's cog, without commands."""


async def build(parts: FeatureParts) -> Feature | None:
    if parts.settings.persona == "evil_seiyuu":
        return None
    juggling = Juggling()
    return Feature(juggling, (JugglingCog(),), juggling.run, juggling.observe, juggling.resume, juggling.close)


async def check(settings: Settings) -> CheckResult:
    return CheckResult("Juggling", True, f"{settings.persona} has three balls")


def missing(settings: Settings) -> str | None:
    return BALLS if settings.persona == "evil_seiyuu" else None


def refuse(_: Settings) -> object:
    raise OperatorFileError("AVATAR_FOLDER=here has no balls in it")


JUGGLING = FeatureBuilder(
    build, check, optional_commands=OptionalCommands(("juggle",), subject="Juggling", missing=missing)
)


@pytest.fixture(autouse=True)
def one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the line in ``bot/feature_set.py``, which is the only change to existing code."""
    monkeypatch.setattr(feature_set, "FEATURES", (*feature_set.FEATURES, JUGGLING))


async def test_a_call_holds_the_feature_and_releases_it(make_stage: StageMaker, speech_server: str) -> None:
    async with make_stage(tts_websocket_url=speech_server) as stage:
        juggling = stage.app.features.get(Juggling)
        assert stage.app.bot.get_cog("Juggling") is not None
        await stage.until(lambda: juggling.thrown and juggling.life == ["resumed"], "the first throw")
        await stage.ask("Look at that!")
        await stage.until(lambda: juggling.utterances == ["Look at that!"], "what people say to it")
        await stage.join()
        assert stage.app.calls.status().held[-2:] == ("juggling", API), "the features, and then the requests over HTTP"
        assert "juggling" in await stage.answer_to("!voice-status", starts="🎤 **In** ")
        thrown = juggling.thrown
        await asyncio.sleep(0.2)
        assert juggling.thrown == thrown
        await stage.answer_to("!leave", starts="👋")
        await stage.until(lambda: juggling.thrown > thrown, "the next throw")
        assert stage.app.calls.status().held == ()
    assert juggling.life == ["resumed", "closed"]


async def test_a_feature_that_is_not_set_up_says_so(make_stage: StageMaker, speech_server: str) -> None:
    async with make_stage(tts_websocket_url=speech_server, persona="evil_seiyuu") as stage:
        assert stage.app.features.find(Juggling) is None
        assert await stage.answer_to("!juggle") == f"❌ Juggling is not set up here ({BALLS})."


async def test_the_doctor_examines_the_feature(tmp_path: Path, speech_server: str) -> None:
    async with Sandbox() as sandbox:
        settings = make_settings(sandbox, tmp_path, tts_websocket_url=speech_server)
        results = [result async for result in doctor._examine(settings)]
    assert CheckResult("Juggling", True, "seiyuu has three balls") in results


def test_the_files_of_the_feature_are_read_before_the_bot_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr(feature_set, "FEATURES", (FeatureBuilder(build, read=refuse),))
    with pytest.raises(SettingsError, match="AVATAR_FOLDER=here has no balls in it"):
        checked_settings()
