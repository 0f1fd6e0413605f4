"""Tests of changes of the voice connection: the bot hears people afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.talking import UTTERANCES, Since, encrypted, talk

PIZZA, KEYBOARD, TRAIN = UTTERANCES[:3]
Trouble = Callable[[Stage], Awaitable[None]]


@pytest.fixture
async def stage(make_stage: StageMaker, speech_server: str) -> AsyncIterator[Stage]:
    async with make_stage(tts_websocket_url=speech_server, answer_to="name") as stage:
        await stage.join()
        yield stage


async def moved(stage: Stage) -> None:
    """Move the bot to another channel. Ada follows."""
    await stage.sandbox.faults.move(stage.sandbox.bot, stage.sandbox.home.second_lounge)
    await stage.told("🎤 I was")
    await stage.ada.leave_voice()
    await stage.ada.join_voice(stage.sandbox.home.second_lounge)
    await stage.until(lambda: stage.ada.voice.encrypted, "Ada's encryption")


async def kicked(stage: Stage) -> None:
    """Disconnect the bot, and call it back."""
    await stage.sandbox.faults.kick_from_voice(stage.sandbox.bot)
    await stage.told("👋")
    await stage.join()


async def another_server(stage: Stage) -> None:
    """Send everybody to another voice server."""
    await stage.sandbox.faults.change_voice_server()
    await encrypted(stage)


def closed(code: int) -> Trouble:
    """Close the bot's voice connection with a code."""

    async def close(stage: Stage) -> None:
        call = stage.app.calls.current_on(stage.sandbox.guild.id)
        assert call is not None
        await stage.sandbox.voice_server.close(stage.bot, code)
        await encrypted(stage, bot=False)
        await encrypted(stage)
        await stage.until(lambda: call.transport.encrypted, "the bot's return")

    return close


async def rejoined(stage: Stage) -> None:
    """Ada leaves and returns, with another SSRC."""
    await stage.ada.leave_voice()
    await stage.ada.join_voice(stage.sandbox.home.lounge)
    await encrypted(stage)


async def downgraded(stage: Stage) -> None:
    """Switch the channel to transport encryption only."""
    stage.sandbox.voice_server.downgrade(stage.sandbox.home.lounge.id)
    await stage.until(lambda: not stage.ada.voice.encrypted, "the end of Ada's encryption")


async def downgraded_and_upgraded(stage: Stage) -> None:
    """Switch the channel to transport encryption only, and back to end-to-end encryption."""
    await downgraded(stage)
    stage.sandbox.voice_server.upgrade(stage.sandbox.home.lounge.id)
    await encrypted(stage)


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(moved, id="moved"),
        pytest.param(kicked, id="kicked"),
        pytest.param(another_server, id="another voice server"),
        pytest.param(closed(4006), id="closed with 4006"),
        pytest.param(closed(4015), id="closed with 4015"),
        pytest.param(rejoined, id="a guest comes back"),
        pytest.param(downgraded, id="downgraded"),
        pytest.param(downgraded_and_upgraded, id="downgraded and upgraded"),
    ],
)
async def test_the_bot_hears_people_after_a_change_of_the_connection(stage: Stage, trouble: Trouble) -> None:
    since = Since(stage)
    await talk(stage.ada, PIZZA)
    await since.heard(("Ada", PIZZA))
    await trouble(stage)
    await talk(stage.ada, KEYBOARD)
    await since.heard(("Ada", PIZZA), ("Ada", KEYBOARD))
