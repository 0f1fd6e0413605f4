"""Tests of low-performance mode: the requests to the speech server, and their results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from bot.metering import NOBODY, OWN
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.errors import LowPerformanceError
from bot.speech_server.sparing import OwnEngines
from bot.speech_server.status import PerformanceStatus
from tests.http_server import LocalServer, app_of
from tests.meters import NotingMeter


class SpeechServer:
    """A server that answers only requests about low-performance mode.

    ``engines`` are its preferred and its simpler engine. ``asked`` is called with each request.
    """

    def __init__(self) -> None:
        self.engines = ("XTTS v2", "espeak-ng")
        self.low = False
        self.broken = False
        self.failed = False
        """Whether the preferred engine has failed, so that the other one stands in."""
        self.free = ""
        """The engine of low-performance mode, if it is not the one that stands in."""
        self.asked: Callable[[], None] = lambda: None

    async def performance(self, request: web.Request) -> web.Response:
        self.asked()
        if self.broken:
            raise web.HTTPServiceUnavailable
        if request.method == "PUT":
            self.low = (await request.json())["low"]
        speaking = (self.low and self.free) or self.engines[self.low or self.failed]
        paid = speaking in ("OpenAI", "ElevenLabs")
        return web.json_response({"low": self.low, "reason": "asked", "speaking": speaking, "costs_money": paid})


@pytest.fixture
def speech() -> SpeechServer:
    return SpeechServer()


@pytest.fixture
async def client(speech: SpeechServer) -> AsyncIterator[SpeechServerClient]:
    application = app_of("/v1/performance", speech.performance, method="*")
    async with LocalServer(application, "/ws/stream", scheme="ws") as server, aiohttp.ClientSession() as http:
        yield SpeechServerClient(http, ServerAddress(server.url))


async def test_a_simpler_voice_speaks_until_the_mode_is_switched_off(client: SpeechServerClient) -> None:
    assert await client.set_performance(low=True) == PerformanceStatus("espeak-ng")
    again = await client.set_performance(low=True)
    assert again == PerformanceStatus("espeak-ng", was_low=True), "once more changes nothing"
    assert await client.set_performance(low=False) == PerformanceStatus("XTTS v2", was_low=True)


async def test_the_mode_has_no_effect_if_the_voice_is_the_simplest_already(
    client: SpeechServerClient, speech: SpeechServer
) -> None:
    speech.engines = ("espeak-ng", "espeak-ng")
    assert await client.set_performance(low=True) == PerformanceStatus("espeak-ng", spares_nothing=True)
    assert await client.set_performance(low=False) == PerformanceStatus("espeak-ng", was_low=True)


async def test_both_requests_of_a_switch_go_to_one_server_even_if_it_is_lost_between_them(
    speech: SpeechServer,
) -> None:
    other = SpeechServer()
    async with AsyncExitStack() as stack:
        urls = [
            (
                await stack.enter_async_context(
                    LocalServer(app_of("/v1/performance", each.performance, method="*"), "/ws/stream", scheme="ws")
                )
            ).url
            for each in (speech, other)
        ]
        http = await stack.enter_async_context(aiohttp.ClientSession())
        first, second = map(ServerAddress, urls)
        client = SpeechServerClient(http, first, stand_ins=[second])
        speech.asked = lambda: client._servers.failed(first)
        assert await client.set_performance(low=True) == PerformanceStatus("espeak-ng")
        assert (speech.low, other.low) == (True, False)


async def test_a_server_without_the_mode_causes_an_error_in_plain_words(
    client: SpeechServerClient, speech: SpeechServer
) -> None:
    speech.broken = True
    with pytest.raises(LowPerformanceError, match="can't be reached, or has no low-performance mode"):
        await client.set_performance(low=True)


@asynccontextmanager
async def own_server(
    speech: SpeechServer, *, paid: bool, stand_in: bool = False
) -> AsyncIterator[tuple[SpeechServerClient, NotingMeter]]:
    """The client of the bot's own server, and its meter.

    Args:
        paid: whether the preferred engine costs money.
        stand_in: whether another engine does.
    """
    application, meter = app_of("/v1/performance", speech.performance, method="*"), NotingMeter()
    async with LocalServer(application, "/ws/stream", scheme="ws") as server, aiohttp.ClientSession() as http:
        address = ServerAddress(server.url, own=True, paid=paid, paid_stand_in=stand_in)
        yield SpeechServerClient(http, address, meter=meter), meter


@pytest.fixture
async def paid(speech: SpeechServer) -> AsyncIterator[tuple[SpeechServerClient, NotingMeter]]:
    """The client and the meter of the bot's own server, whose preferred engine costs money."""
    async with own_server(speech, paid=True) as server:
        yield server


async def test_at_todays_limit_the_own_server_speaks_with_an_engine_that_costs_nothing(
    paid: tuple[SpeechServerClient, NotingMeter], speech: SpeechServer
) -> None:
    client, meter = paid
    speech.engines = ("OpenAI", "Piper")
    await client._servers.prepare()
    assert not speech.low
    client.charges.add(client._servers.current, NOBODY, 1.0)
    meter.used = 1.0
    await client._servers.prepare()
    assert (speech.low, client._servers.refusal()) == (True, None)
    client.charges.add(client._servers.current, NOBODY, 2.0)
    assert [each[1:] for each in meter.sound] == [(OWN, 1.0, True), (OWN, 2.0, False)]
    speech.low = False  # The server was restarted.
    await client._servers.prepare()
    assert speech.low
    meter.used = 0.0
    await client._servers.prepare()
    assert not speech.low, "the day is over"


async def test_without_another_engine_nothing_is_spoken_at_todays_limit(
    paid: tuple[SpeechServerClient, NotingMeter], speech: SpeechServer, caplog: pytest.LogCaptureFixture
) -> None:
    client, meter = paid
    speech.engines, meter.used = ("OpenAI", "OpenAI"), 1.0
    for _ in range(3):
        await client._servers.prepare()
        assert client._servers.refusal() == "Today's limit is reached."
    assert caplog.text.count("speaks in place of OpenAI") == 1
    speech.broken = True
    await client._servers.prepare()
    assert client._servers.refusal() == "Today's limit is reached."


@pytest.mark.parametrize("when", ["before", "meanwhile", "meanwhile and off again"])
async def test_whoever_has_chosen_the_simpler_voice_keeps_it_after_the_day_of_the_limit(
    when: str, paid: tuple[SpeechServerClient, NotingMeter], speech: SpeechServer
) -> None:
    client, meter = paid
    speech.engines = ("OpenAI", "Piper")
    if when == "before":
        await client.set_performance(low=True)
    meter.used = 1.0
    await client._servers.prepare()
    if when != "before":
        assert (await client.set_performance(low=True)).limited
    if when == "meanwhile and off again":
        assert await client.set_performance(low=False) == PerformanceStatus("Piper", was_low=True, limited=True)
    await client._servers.prepare()
    assert speech.low, "the limit holds whatever people choose"
    meter.used = 0.0
    await client._servers.prepare()
    assert speech.low == (when != "meanwhile and off again")
    assert not (await client.set_performance(low=False)).limited
    assert not speech.low


async def test_what_a_free_engine_speaks_in_the_mode_that_people_have_chosen_costs_nothing(
    paid: tuple[SpeechServerClient, NotingMeter], speech: SpeechServer
) -> None:
    client, meter = paid
    speech.engines = ("OpenAI", "Piper")
    await client.set_performance(low=True)
    client.charges.add(client._servers.current, NOBODY, 1.0)
    speech.low = False  # The server was restarted.
    await client._servers.prepare()
    assert speech.low, "the mode is on again, because its sound counts as free"
    assert client.may_guess()
    client.charges.add(client._servers.current, NOBODY, 2.0)
    await client.set_performance(low=False)
    client.charges.add(client._servers.current, NOBODY, 3.0)
    assert [each[1:] for each in meter.sound] == [(OWN, 1.0, False), (OWN, 2.0, False), (OWN, 3.0, True)]


@pytest.mark.parametrize("other", ["OpenAI", "ElevenLabs"])
async def test_a_mode_that_people_have_chosen_and_that_does_not_help_costs_money(
    other: str, paid: tuple[SpeechServerClient, NotingMeter], speech: SpeechServer
) -> None:
    client, meter = paid
    speech.engines = ("OpenAI", other)
    for _ in range(2):
        await client.set_performance(low=True)
        await client._servers.prepare()
        client.charges.add(client._servers.current, NOBODY, 1.0)
    assert [each[1:] for each in meter.sound] == [(OWN, 1.0, True)] * 2


async def test_a_mode_in_which_an_engine_that_costs_money_speaks_costs_money(speech: SpeechServer) -> None:
    speech.engines = ("XTTS v2", "OpenAI")
    async with own_server(speech, paid=False) as (client, meter):
        assert client.may_guess()
        await client.set_performance(low=True)
        assert not client.may_guess()
        client.charges.add(client._servers.current, NOBODY, 1.0)
        meter.used = 1.0
        await client._servers.prepare()
        assert client._servers.refusal() == "Today's limit is reached."
        assert not (await client.set_performance(low=False)).limited
        await client._servers.prepare()
        assert not speech.low, "the limit does not concern the preferred engine"
        client.charges.add(client._servers.current, NOBODY, 2.0)
        assert [each[1:] for each in meter.sound] == [(OWN, 1.0, True), (OWN, 2.0, False)]
        assert client.may_guess()


async def test_the_mode_that_people_switch_off_while_a_reply_begins_stays_off() -> None:
    low, held = True, asyncio.Event()

    async def set_low(wanted: bool) -> PerformanceStatus:
        nonlocal low
        was_low = low
        if wanted:
            await held.wait()
        low = wanted
        return PerformanceStatus("espeak-ng" if low else "XTTS v2", was_low=was_low)

    engines = OwnEngines(set_low, paid=True)
    held.set()
    await engines.choose(low=True)
    held.clear()
    async with asyncio.TaskGroup() as both:
        both.create_task(engines.follow(limited=False))
        await asyncio.sleep(0)
        both.create_task(engines.choose(low=False))
        await asyncio.sleep(0)
        held.set()
    assert not low
    assert engines.cost_money


async def test_a_mode_that_can_not_be_set_spares_nothing(
    paid: tuple[SpeechServerClient, NotingMeter], speech: SpeechServer
) -> None:
    client, meter = paid
    speech.engines = ("OpenAI", "Piper")
    await client.set_performance(low=True)
    speech.broken = True
    await client._servers.prepare()
    client.charges.add(client._servers.current, NOBODY, 1.0)
    assert [each[1:] for each in meter.sound] == [(OWN, 1.0, True)]


@pytest.mark.parametrize("chosen", [False, True])
async def test_a_mode_that_does_not_help_spares_nothing_and_is_off_after_the_day(
    chosen: bool, paid: tuple[SpeechServerClient, NotingMeter], speech: SpeechServer
) -> None:
    client, meter = paid
    speech.engines = ("OpenAI", "OpenAI")
    if chosen:
        assert (await client.set_performance(low=True)).spares_nothing
    meter.used = 1.0
    await client._servers.prepare()
    assert client._servers.refusal() == "Today's limit is reached."
    meter.used = 0.0
    await client.set_performance(low=False)
    await client._servers.prepare()
    assert not speech.low


async def test_a_fallback_that_costs_money_counts_while_it_stands_in_and_gives_way_at_todays_limit(
    speech: SpeechServer, caplog: pytest.LogCaptureFixture
) -> None:
    speech.engines, speech.free = ("Piper", "OpenAI"), "espeak-ng"

    async def speak(client: SpeechServerClient) -> None:
        await client._servers.prepare()
        client.charges.add(client._servers.current, NOBODY, 1.0)

    async with own_server(speech, paid=False, stand_in=True) as (client, meter):
        await speak(client)
        speech.failed = True
        await speak(client)
        await speak(client)
        assert not client.may_guess()
        speech.failed = False
        await speak(client)
        assert [paid for *_, paid in meter.sound] == [False, True, True, False]
        assert caplog.text.count("costs money speaks in place of TTS_ENGINE") == 1
        meter.used = 1.0
        await speak(client)
        assert not speech.low, "the preferred engine is free"
        speech.failed = True
        await speak(client)
        assert (speech.low, client._servers.refusal()) == (True, None), "espeak-ng speaks"
        assert [paid for *_, paid in meter.sound[4:]] == [False, False]
        meter.used, speech.failed = 0.0, False
        await speak(client)
        assert not speech.low, "the day is over"


async def test_if_every_fallback_costs_money_only_the_preferred_engine_speaks_at_todays_limit(
    speech: SpeechServer, caplog: pytest.LogCaptureFixture
) -> None:
    speech.engines, speech.failed = ("Piper", "OpenAI"), True
    async with own_server(speech, paid=False, stand_in=True) as (client, meter):
        meter.used = 1.0
        for _ in range(2):
            await client._servers.prepare()
            assert client._servers.refusal() == "Today's limit is reached."
            assert not speech.low, "the mode would spare nothing"
        assert caplog.text.count("speaks in place of OpenAI") == 1
        speech.failed = False
        await client._servers.prepare()
        assert client._servers.refusal() is None, "the preferred engine is back"


async def test_a_free_fallback_that_was_missing_on_one_day_speaks_at_the_limit_of_another(
    speech: SpeechServer, caplog: pytest.LogCaptureFixture
) -> None:
    speech.engines, speech.failed = ("Piper", "OpenAI"), True
    async with own_server(speech, paid=False, stand_in=True) as (client, meter):
        for used in (1.0, 0.0, 1.0):
            meter.used = used
            await client._servers.prepare()
        assert caplog.text.count("speaks in place of OpenAI") == 2, "the log says so on each day"
        for used in (0.0, 1.0):
            meter.used, speech.free = used, "espeak-ng"
            await client._servers.prepare()
        assert (speech.low, client._servers.refusal()) == (True, None)
