"""The status endpoints tell of engines and GPUs, and switch low-performance mode on and off."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from config.speech_settings import engine_costs_money
from config.types import GpuVendor
from hardware.memory import GIB, CardMemory
from hardware.poll import CardPoll
from tests.tts_server.client import running, running_with
from tests.tts_server.spelling_engine import SpellingEngine
from tts_server.voices.library import VoiceLibrary
from wire.messages import EngineChanged, Warned

FULL = CardMemory("RTX 3060", GpuVendor.NVIDIA, 12 * GIB, 11 * GIB, (8, 6))
ROOMY = CardMemory("RX 6800", GpuVendor.AMD, 16 * GIB, 2 * GIB)


async def test_graphics_cards_are_on_the_health_page_and_in_the_metrics(tmp_path: Path) -> None:
    cards = CardPoll(["0.9"], read=lambda: (FULL, ROOMY))
    async with running_with(VoiceLibrary(tmp_path), [SpellingEngine("one")], cards=cards) as server:
        await read(cards)
        health = await server.health()
        assert [(card["name"], card["used_bytes"]) for card in health["cards"]] == [
            ("RTX 3060", 11 * GIB),
            ("RX 6800", 2 * GIB),
        ]
        async with server.session.get(server.url("/metrics")) as response:
            text = await response.text()
        assert f'tts_card_memory_bytes{{card="0",name="RTX 3060",kind="nvidia",state="used"}} {11 * GIB}' in text


async def test_a_full_card_is_reported_to_new_and_connected_clients(tmp_path: Path) -> None:
    now = [ROOMY]
    cards = CardPoll(["0.9"], read=lambda: tuple(now), seconds=0.01)
    path = "/ws/stream?notices=true"
    async with (
        running_with(VoiceLibrary(tmp_path), [SpellingEngine("one")], cards=cards) as server,
        server.connect(path) as early,
    ):
        assert await early.next() == EngineChanged("one", "ready")
        now[0] = FULL
        warning = await early.next()
        assert isinstance(warning, Warned)
        assert "RTX 3060" in warning.text
        async with server.connect(path) as late:
            assert [await late.next(), await late.next()] == [EngineChanged("one", "ready"), warning]


async def read(cards: CardPoll) -> None:
    async with asyncio.timeout(30):
        while not cards.cards:
            await asyncio.sleep(0.005)


async def test_low_performance_mode_spares_the_engine_until_the_mode_is_switched_off() -> None:
    async with running(SpellingEngine("wanted"), SpellingEngine("other")) as server:
        url = server.url("/v1/performance")
        async with server.session.put(url, json={"low": True}) as response:
            assert await response.json() == {
                "low": True,
                "reason": "asked",
                "speaking": "other",
                "costs_money": False,
            }
        async with server.session.get(url) as response:
            assert (await response.json())["low"] is True
        async with server.session.put(url, json={"low": False}) as response:
            assert await response.json() == {
                "low": False,
                "reason": "ready",
                "speaking": "wanted",
                "costs_money": False,
            }


@pytest.mark.parametrize(
    ("engines", "speaking", "costs_money"),
    [
        (("openai", "elevenlabs", "piper", "espeak-ng"), "piper", False),
        (("XTTS v2", "openai", "espeak-ng"), "espeak-ng", False),
        (("openai", "elevenlabs"), "elevenlabs", True),
        (("XTTS v2", "openai"), "openai", True),
    ],
)
async def test_low_performance_mode_takes_an_engine_that_costs_nothing_or_says_that_it_costs_money(
    engines: tuple[str, ...], speaking: str, costs_money: bool
) -> None:
    made = [SpellingEngine(name) for name in engines]
    async with (
        running(*made, costs_money=engine_costs_money) as server,
        server.session.put(server.url("/v1/performance"), json={"low": True}) as response,
    ):
        assert await response.json() == {
            "low": True,
            "reason": "asked",
            "speaking": speaking,
            "costs_money": costs_money,
        }


async def test_a_single_engine_is_not_reported_as_spared(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with (
        running(SpellingEngine("only")) as server,
        server.session.put(server.url("/v1/performance"), json={"low": True}) as response,
    ):
        assert (await response.json())["speaking"] == "only"
    assert "to spare only, but there is no simpler engine here, so only speaks on" in caplog.text


async def test_the_log_explains_in_plain_words_which_engine_speaks(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running(SpellingEngine("wanted"), SpellingEngine("other")) as server:
        server.pool.breaker.record_failure("too_slow")
    assert "wanted is too slow just now, so other speaks" in caplog.messages


@pytest.mark.parametrize("body", ["", "[]", "null", "{", '{"low": "yes"}', '{"low": 1}', "[" * 100_000, "\ud800"])
async def test_invalid_bodies_are_refused_with_an_explanation(body: str) -> None:
    async with running(SpellingEngine("wanted")) as server:
        url = server.url("/v1/performance")
        async with server.session.put(url, data=body.encode("utf-8", "surrogatepass")) as response:
            assert response.status == 400
            assert '{"low": true}' in (await response.json())["error"]["message"]


async def test_a_machine_without_cards_reports_none(tmp_path: Path) -> None:
    async with running_with(VoiceLibrary(tmp_path), [SpellingEngine("one")]) as server:
        assert (await server.health())["cards"] == []
