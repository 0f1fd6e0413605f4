"""Tests of several transcription servers: the words of a turn are heard whichever of them fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import aiohttp
import numpy as np
import pytest
from pydantic import SecretStr

from bot.metering import UNMETERED, Account
from bot.servers.choice import Candidate
from bot.voice.transcribe import servers as module
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.openai_requests import REFUSED_FIELDS, REQUEST_FORMATS
from bot.voice.transcribe.openai_transcriber import OpenAITranscriber
from bot.voice.transcribe.servers import TranscriptionServers
from bot.voice.transcribe.transcriber import (
    TranscriptionError,
    TranscriptionLimitError,
    TranscriptionRequest,
    TranscriptionShed,
    Urgency,
)
from config import hosts
from config.engine_sections import RecogniserSettings
from config.settings import load_settings
from tests.meters import NotingMeter
from tests.timing import wait_until
from tests.voice.transcribe.scripted_server import (
    Answer,
    ScriptedRecogniser,
    answering,
    hanging_up,
    serving,
    silent,
)

SOUND = (0.5 * np.sin(np.arange(1_600) / 20)).astype(np.float32)
FIRST, SECOND = answering('{"text": "First."}'), answering('{"text": "Second."}')
FAILING = answering("{}", status=500)


@dataclass
class Pair:
    """Two transcription servers, and the transcriber that asks one of them, or the other if that one fails."""

    ears: TranscriptionServers
    servers: tuple[ScriptedRecogniser, ScriptedRecogniser]

    async def hear(self, urgency: Urgency = Urgency.FINAL) -> str:
        async with asyncio.timeout(60):
            return (await self.ears.transcribe(TranscriptionRequest(SOUND, urgency))).text

    @property
    def asked(self) -> list[int]:
        return [len(server.asked) for server in self.servers]


@asynccontextmanager
async def pair(
    first: list[Answer], second: list[Answer], *, paid: bool = False, limited: NotingMeter | None = None
) -> AsyncIterator[Pair]:
    """Two servers. With ``limited``, the first one has a key, so that a test can make it cost money."""
    async with serving(*first) as one, serving(*second) as two, aiohttp.ClientSession() as http:
        each = [
            OpenAITranscriber(
                server.url,
                RecogniserSettings(api_key=SecretStr("sk-1") if limited is not None and server is one else None),
                http,
                Corrections(),
                meter=limited or UNMETERED,
                sleep=_at_once,
            )
            for server in (one, two)
        ]
        each[1].paid = paid
        ears = TranscriptionServers(each, (Candidate(), Candidate(paid=paid, hosted=paid)))
        yield Pair(ears, (one, two))
        await ears.close()


async def _at_once(_: float) -> None:
    await asyncio.sleep(0)


async def test_a_server_that_answers_is_the_only_one_that_is_asked() -> None:
    async with pair([FIRST], [SECOND]) as both:
        assert [await both.hear(), await both.hear()] == ["First.", "First."]
        assert both.asked == [2, 0]
        assert "standing in" not in both.ears.describe()


@pytest.mark.parametrize("fault", [FAILING, hanging_up(), answering("rubbish")], ids=["error", "killed", "rubbish"])
async def test_a_turn_is_heard_by_another_server_if_one_fails(fault: Answer) -> None:
    async with pair([fault], [SECOND]) as both:
        assert await both.hear() == "Second."
        asked = both.asked[0]
        assert await both.hear() == "Second."
        assert both.asked == [asked, 2]
        assert f"standing in for {both.servers[0].url.split('/')[2]}" in both.ears.describe()


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_server_that_refuses_one_sound_still_gets_the_next_one(status: int) -> None:
    refusing = answering("{}", status=status)
    # A request that is refused is made again without the fields that the server may not know.
    async with pair([*[refusing] * (len(REQUEST_FORMATS) if status in REFUSED_FIELDS else 1), FIRST], [SECOND]) as both:
        assert [await both.hear(), await both.hear()] == ["Second.", "First."]
        assert "standing in" not in both.ears.describe()


async def test_a_server_that_hangs_is_replaced_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOW_AFTER", 0.2)
    async with pair([silent()], [SECOND]) as both:
        assert await both.hear() == "Second."


async def test_a_call_stays_with_the_server_that_stood_in_and_the_next_call_does_not() -> None:
    async with pair([FAILING, FAILING, FIRST], [SECOND]) as both:
        await both.ears.warm_up()
        assert await both.hear() == "Second."
        both.ears._choice.probed(0, ready=True)
        assert await both.hear() == "Second."
        await both.ears.release_memory()
        assert await both.hear() == "First."


async def test_an_error_of_all_servers_names_each_and_the_last_one_is_asked_patiently() -> None:
    async with pair([FAILING], [FAILING]) as both:
        with pytest.raises(TranscriptionError) as raised:
            await both.hear()
        assert all(server.url.split("/")[2] in str(raised.value) for server in both.servers)
        assert both.asked == [2, 5]


async def test_only_whole_turns_go_to_a_server_that_costs_money_and_stands_in() -> None:
    async with pair([FAILING], [SECOND], paid=True) as both:
        assert await both.hear() == "Second."
        for urgency in (Urgency.SPECULATION, Urgency.INTERIM):
            with pytest.raises(TranscriptionShed):
                await both.hear(urgency)
        await both.ears.warm_up()
        assert both.asked[1] == 1


async def test_a_server_that_costs_money_is_not_believed_to_answer_before_it_was_asked() -> None:
    async with pair([FAILING], [SECOND], paid=True) as both:
        both.ears._servers[1]._endpoint._url = "http://127.0.0.1:9/v1"
        with pytest.raises(TranscriptionError, match="can't be reached"):
            await both.ears.warm_up()
        assert not both.ears._choice.is_up(1)


async def test_a_check_asks_no_server_that_is_known_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with pair([FIRST], [SECOND], paid=True) as both:
        asked = [0, 0]

        async def ask(number: int) -> None:
            asked[number] += 1

        for number, server in enumerate(both.ears._servers):
            monkeypatch.setattr(server, "problem", partial(ask, number))
        assert await both.ears.problem() is None
        await wait_until(lambda: all(map(both.ears._choice.is_known, (0, 1))))
        before = list(asked)
        for _ in range(10):
            assert await both.ears.problem() is None
        assert asked == before
        assert both.asked == [0, 0], "no sound is sent for the checks"


async def test_no_problem_is_reported_while_the_servers_are_well() -> None:
    async with pair([FIRST], [SECOND]) as both:
        assert await both.ears.problem() is None


def test_people_are_told_of_every_host_that_may_hear_them() -> None:
    urls = "https://api.example.com/v1,http://127.0.0.1:8000/v1"
    settings = load_settings(llm_url="http://127.0.0.1:9/v1", stt_url=urls, stt_api_key="sk-1,")
    assert settings.stt.host == "127.0.0.1 or api.example.com"
    assert [(server.url, server.key) for server in settings.stt.listed] == [
        ("http://127.0.0.1:8000/v1", None),
        ("https://api.example.com/v1", "sk-1"),
    ]


async def test_the_sound_that_servers_are_sent_is_counted_and_what_they_refuse_is_not() -> None:
    meter = NotingMeter()
    async with pair([FAILING], [SECOND], limited=meter) as both:
        await both.ears.transcribe(TranscriptionRequest(SOUND, Urgency.FINAL, account=Account(100, 11)))
        ((account, server, seconds, paid),) = meter.sound
        assert (account, seconds, paid) == (Account(100, 11), 0.1, False)
        assert server == both.servers[1].url.split("/")[2]


async def test_at_todays_limit_the_server_that_costs_nothing_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "is_local", lambda url: False)
    meter = NotingMeter()
    async with pair([FIRST], [SECOND], limited=meter) as both:
        assert await both.hear(Urgency.SPECULATION) == "First."
        meter.used = 0.8
        with pytest.raises(TranscriptionShed):
            await both.hear(Urgency.SPECULATION)
        assert await both.hear() == "First.", "final requests are still heard"
        meter.used = 1.0
        assert [await both.hear(), await both.hear()] == ["Second.", "Second."]
        meter.used = 0.0
        assert await both.hear() == "First.", "the server did not count as one that has failed"


async def test_at_todays_limit_a_single_server_says_why_it_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "is_local", lambda url: False)
    async with pair([FIRST], [SECOND], limited=NotingMeter(used=1.0)) as both:
        with pytest.raises(TranscriptionLimitError, match="limit is reached"):
            await both.ears._servers[0].transcribe(TranscriptionRequest(SOUND, Urgency.FINAL))
        assert both.asked == [0, 0]
